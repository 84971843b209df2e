import type { CallOptions } from "../../call.ts"

/** A request for a certificate of the upstream host, which makes the key itself and signs no request with it. */
export interface UpstreamCertificateRequest {
  /** 1 to 64 characters. */
  readonly commonName: string
  readonly localities: readonly string[]
  /** At least 1. */
  readonly validityDays: number
  /** PEM, PKCS#1. It must not be kept: it is filled with zeros when the call has ended. */
  readonly privateKey: Uint8Array
}

/** Upstream: CertificateIssuerService. */
export interface UpstreamCertificateIssuerV1 {
  /** @returns the chain, leaf first, PEM: one leaf, then the authorities that issued it */
  getCertificate(request: UpstreamCertificateRequest, call: CallOptions): Promise<string>
}
