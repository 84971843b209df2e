import type { ConfigurationParser } from "../../configuration.ts"
import type { KindRow } from "../kind.ts"
import { type KeystoreCapability, type KeystoreManifest, keystoreCapabilities } from "./manifest.ts"
import type { KeystorePluginV1 } from "./plugin.ts"

const auditActions = ["keystoreLogin", "keystoreTokenRenewal"] as const

/** Types of the kind. */
export interface KeystoreTypes {
  readonly manifest: KeystoreManifest
  readonly configuration: {
    /** For checking what an administrator enters; `openKeystore` parses again. Secrets may still be text here. */
    readonly keystore: ConfigurationParser<unknown>
  }
  readonly plugin: KeystorePluginV1
}

/** Keystores: any number of plugins, each of which opens any number of keystores. */
export const keystoreKind: KindRow<KeystoreTypes, KeystoreCapability, (typeof auditActions)[number]> = {
  contract: "keystore/v1",
  capabilities: keystoreCapabilities,
  auditActions,
}
