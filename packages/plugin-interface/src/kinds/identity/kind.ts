import type { PluginManifestBase } from "../../manifest.ts"
import type { KindRow } from "../kind.ts"
import type { IdentityPluginV1 } from "./identity.ts"

const capabilities = ["resolveWorkload", "permissions"] as const
const auditActions = ["identityLogin", "identityTokenRenewal"] as const

/** Abilities of a plugin of kind `identity` that are optional. */
export type IdentityCapability = (typeof capabilities)[number]

/** The manifest of a plugin of kind `identity`. */
export type IdentityManifest = PluginManifestBase<"identity", IdentityCapability>

/** Types of the kind. */
export interface IdentityTypes {
  readonly manifest: IdentityManifest
  readonly configuration: object
  readonly plugin: IdentityPluginV1
}

/** Identity: who a token or a workload is, and what it may do. */
export const identityKind: KindRow<IdentityTypes, IdentityCapability, (typeof auditActions)[number]> = {
  contract: "identity/v1",
  capabilities,
  auditActions,
}
