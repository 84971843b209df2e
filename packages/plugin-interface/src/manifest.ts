/** A JSON value. */
export type JsonValue = string | number | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue }

/** A JSON Schema document (draft 7), as plain data. A property marked `writeOnly: true` is a secret. */
export type JsonSchema = { readonly [key: string]: JsonValue }

/** The five kinds of plugin. */
export type PluginKind = "keystore" | "identity" | "certificate-issuer" | "system-information" | "notification"

/** The contract that a plugin implements: its kind and the major version of this interface. */
export type PluginContract = `${PluginKind}/v1`

/** What a keystore plugin may or may not be able to do, beside encrypt and decrypt, which each one can. */
export type KeystoreCapability =
  | "listKeyVersions"
  | "createKey"
  | "enableKey"
  | "disableKey"
  | "rotateKey"
  | "deleteKey"
  | "importKey"

/** A field that a plugin adds to the answer of an activation, e.g. `vault_version`. */
export interface ActivationFact {
  /** What the field states and where the statement comes from. */
  readonly description: string
}

/** What every manifest says. */
export interface PluginManifestBase {
  /** Name of the plugin: lower-case letters, digits and dashes, e.g. `openbao`. Same as in package.json. */
  readonly name: string
  /** Name shown to people, e.g. `OpenBao (Vault-Compatible)`. */
  readonly displayName: string
  /** One sentence: what it connects. */
  readonly description: string
  /** JSON Schema of the plugin configuration, which the operator writes once per loaded plugin. */
  readonly pluginConfigurationSchema: JsonSchema
}

/** The manifest of a keystore plugin. */
export interface KeystoreManifest extends PluginManifestBase {
  readonly kind: "keystore"
  readonly contract: "keystore/v1"
  /** The value of `plugin_type` in a keystore's configuration document, e.g. `aws_kms`, `openbao`. */
  readonly pluginType: string
  /** What it can do beside encrypt and decrypt. */
  readonly capabilities: readonly KeystoreCapability[]
  /** A reason for each capability that it lacks; such a call rejects with `UNSUPPORTED`. */
  readonly unsupported: Readonly<Partial<Record<KeystoreCapability, string>>>
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

/** The manifest of a plugin of another kind. */
export interface OtherManifest extends PluginManifestBase {
  readonly kind: Exclude<PluginKind, "keystore">
  readonly contract: Exclude<PluginContract, "keystore/v1">
  readonly capabilities: readonly string[]
  readonly unsupported: Readonly<Record<string, string>>
}

/**
 * What a plugin says about itself: frozen plain data that survives `structuredClone`, is readable before any vendor SDK
 * is loaded, and is the same before start and after stop.
 */
export type PluginManifest = KeystoreManifest | OtherManifest
