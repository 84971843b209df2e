import type { CallOptions } from "./call.ts"
import type { KeystoreProviderV1, KeystoreV1, SetupDocument } from "./keystore.ts"
import type { JsonValue, KeystoreManifest, OtherManifest } from "./manifest.ts"
import type { CertificateIssuerV1, IdentityV1, NotificationV1, SystemInformationV1 } from "./other-kinds.ts"
import type { ConfigurationIssue } from "./plugin-error.ts"
import type { PluginServices } from "./services.ts"
import type { UpstreamKeystoreHooksV1 } from "./upstream.ts"

/** Outcome of parsing a configuration: the parsed value, or every issue at once. */
export type ConfigurationResult<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly issues: readonly ConfigurationIssue[] }

/** Parses one of a plugin's two configurations. Pure. */
export interface ConfigurationParser<T> {
  parse(input: unknown): ConfigurationResult<T>
}

/** What each running plugin has, whatever its kind. */
export interface PluginLifecycle {
  /** Connects. Rejects with the reason of `signal` when that fires. */
  start(signal: AbortSignal): Promise<void>
  /** Gives everything back. Idempotent, also without a start. */
  stop(): Promise<void>
}

/** A keystore configuration as an administrator wrote it, with each secret replaced by a `SecretHandle`. */
export type KeystoreConfigurationInput = { readonly [key: string]: unknown }

/** A loaded keystore plugin. */
export interface KeystorePluginV1 extends PluginLifecycle {
  /**
   * Opens the keystore that a configuration describes, for `call.tenantId`. Touches no network: a wrong credential shows
   * at the first call.
   * @throws {PluginError} INVALID_REQUEST - the configuration is wrong; `issues` has each fault
   */
  openKeystore(configuration: KeystoreConfigurationInput, call: CallOptions): Promise<KeystoreV1>
  /**
   * Writes the documents with which the keystore's administrator prepares it for this configuration of `call.tenantId`.
   * Touches no network; works before credentials exist, and is the same each time.
   * @throws {PluginError} INVALID_REQUEST - the configuration is wrong
   */
  setupMaterial(configuration: KeystoreConfigurationInput, call: CallOptions): Promise<readonly SetupDocument[]>
  /** Present when the operator has configured a server of the platform. */
  readonly provider?: KeystoreProviderV1
  readonly upstream?: UpstreamKeystoreHooksV1
}

/** What each plugin kind gives when it is loaded. */
export interface PluginInstances {
  readonly keystore: KeystorePluginV1
  readonly identity: IdentityV1 & PluginLifecycle
  readonly "certificate-issuer": CertificateIssuerV1 & PluginLifecycle
  readonly "system-information": SystemInformationV1 & PluginLifecycle
  readonly notification: NotificationV1 & PluginLifecycle
}

/** The value that a keystore plugin package exports under the name `plugin`. */
export interface KeystorePluginDefinitionV1<PluginConfiguration = unknown> {
  readonly manifest: KeystoreManifest
  readonly configuration: {
    readonly plugin: ConfigurationParser<PluginConfiguration>
    /** For checking what an administrator enters; `openKeystore` parses again. Secrets may still be text here. */
    readonly keystore: ConfigurationParser<unknown>
  }
  /** Makes the plugin. Touches no network and no file. */
  create(configuration: PluginConfiguration, services: PluginServices): KeystorePluginV1
}

/** The value that a plugin package of another kind exports under the name `plugin`. */
export interface OtherPluginDefinitionV1<PluginConfiguration = unknown> {
  readonly manifest: OtherManifest
  readonly configuration: { readonly plugin: ConfigurationParser<PluginConfiguration> }
  create(
    configuration: PluginConfiguration,
    services: PluginServices,
  ): PluginInstances[Exclude<keyof PluginInstances, "keystore">]
}

/** The value that a plugin package exports under the name `plugin`. */
export type PluginDefinitionV1 = KeystorePluginDefinitionV1 | OtherPluginDefinitionV1

/** Plain data of a keystore configuration, as it is stored and shown: secrets left out or referenced. */
export type KeystoreConfigurationDocument = { readonly [key: string]: JsonValue }
