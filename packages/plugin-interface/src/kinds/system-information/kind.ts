import type { PluginManifestBase } from "../../manifest.ts"
import type { KindRow } from "../kind.ts"
import type { SystemInformationPluginV1 } from "./system-information.ts"

const capabilities = ["watch", "writeStatus"] as const
const auditActions = ["systemInformationLogin", "systemInformationTokenRenewal"] as const

/** Abilities of a plugin of kind `system-information` that are optional. */
export type SystemInformationCapability = (typeof capabilities)[number]

/** The manifest of a plugin of kind `system-information`. */
export type SystemInformationManifest = PluginManifestBase<"system-information", SystemInformationCapability>

/** Types of the kind. */
export interface SystemInformationTypes {
  readonly manifest: SystemInformationManifest
  readonly configuration: object
  readonly plugin: SystemInformationPluginV1
}

/** System information: whether a tenant, region, account or key request is valid. */
export const systemInformationKind: KindRow<
  SystemInformationTypes,
  SystemInformationCapability,
  (typeof auditActions)[number]
> = {
  contract: "system-information/v1",
  capabilities,
  auditActions,
}
