import type { PluginManifestBase } from "../../manifest.ts"
import type { KindRow } from "../kind.ts"
import type { CertificateIssuerPluginV1 } from "./certificate-issuer.ts"

const capabilities = ["revoke"] as const
const auditActions = ["certificateIssuerLogin", "certificateIssuerTokenRenewal"] as const

/** Abilities of a plugin of kind `certificate-issuer` that are optional. */
export type CertificateIssuerCapability = (typeof capabilities)[number]

/** The manifest of a plugin of kind `certificate-issuer`. */
export type CertificateIssuerManifest = PluginManifestBase<"certificate-issuer", CertificateIssuerCapability>

/** Types of the kind. */
export interface CertificateIssuerTypes {
  readonly manifest: CertificateIssuerManifest
  readonly configuration: object
  readonly plugin: CertificateIssuerPluginV1
}

/** Certificate issuers: certificates of the platform's components. */
export const certificateIssuerKind: KindRow<
  CertificateIssuerTypes,
  CertificateIssuerCapability,
  (typeof auditActions)[number]
> = {
  contract: "certificate-issuer/v1",
  capabilities,
  auditActions,
}
