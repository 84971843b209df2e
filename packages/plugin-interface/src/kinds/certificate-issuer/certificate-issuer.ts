import type { CallOptions } from "../../call.ts"
import type { ConfiguredOncePlugin } from "../../configured-once.ts"
import type { UpstreamCertificateIssuerV1 } from "./upstream.ts"

/** A request for the certificate of a component (upstream: GetCertificate; the key comes from the caller). */
export interface ComponentCertificateRequest {
  readonly tenantId: string
  readonly component: "crypto-manager" | "crypto-migrate"
  readonly commonName: string
  readonly locality: string
  /** 1 to 30. */
  readonly validityDays: number
  /** PKCS#10, PEM. */
  readonly certificateSigningRequest: string
}

/** A plugin of kind `certificate-issuer`. */
export interface CertificateIssuerPluginV1 extends ConfiguredOncePlugin {
  /** @returns the chain, leaf first, PEM */
  issueComponentCertificate(request: ComponentCertificateRequest, call: CallOptions): Promise<string>
  revoke(serialNumber: string, call: CallOptions): Promise<void>
  readonly upstream?: UpstreamCertificateIssuerV1
}
