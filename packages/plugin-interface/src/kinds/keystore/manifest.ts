import type { JsonSchema } from "../../json.ts"
import type { PluginManifestBase } from "../../manifest.ts"

/** Abilities of a keystore plugin in addition to encrypt and decrypt, which each one has. */
export const keystoreCapabilities = [
  "listKeyVersions",
  "createKey",
  "enableKey",
  "disableKey",
  "rotateKey",
  "deleteKey",
  "importKey",
] as const

/** One of {@link keystoreCapabilities}. */
export type KeystoreCapability = (typeof keystoreCapabilities)[number]

/** A field that a plugin adds to the answer of an activation, e.g. `vault_version`. */
export interface ActivationFact {
  /** The statement that the field makes, and its source. */
  readonly description: string
}

/** The manifest of a keystore plugin. */
export interface KeystoreManifest extends PluginManifestBase<"keystore", KeystoreCapability> {
  /** The value of `plugin_type` in a keystore's configuration document, e.g. `aws_kms`, `openbao`. */
  readonly pluginType: string
  /** JSON Schema of the keystore configuration, which a tenant's administrator writes once per keystore. */
  readonly keystoreConfigurationSchema: JsonSchema
  /** The fields that its connection steps may add to the answer of an activation. */
  readonly activationFacts: Readonly<Record<string, ActivationFact>>
  /**
   * Names of configuration fields that say *which* key in *which* keystore (address, mount, key name): they cannot be
   * changed while the keystore wraps a tenant key.
   */
  readonly identityFields: readonly string[]
  /**
   * Name of the configuration field with the most operations that the host may ask for within an hour, over all its
   * replicas. The host keeps to it; the plugin does nothing with it. Absent: the keystore takes any number.
   */
  readonly operationsPerHourField?: string
  /** False for a software keystore that is meant for trials: the host refuses it under `mode: production`. */
  readonly productionReady: boolean
}
