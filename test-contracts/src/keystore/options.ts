import type {
  EncryptionContext,
  KeyRef,
  KeyState,
  KeystoreConfigurationInput,
  KeystorePluginDefinitionV1,
  KeystorePluginV1,
  KeystoreV1,
} from "@apeiro-cmk/plugin-interface"
import type { TcpFaultProxy } from "../fault-proxy/proxy.ts"

/** What {@link keystoreContract} is told about the plugin under test. */
export interface KeystoreContractOptions {
  /** The value that the plugin's package exports under the name `plugin`. Its manifest alone chooses the groups of cases. */
  readonly plugin: KeystorePluginDefinitionV1
  /**
   * How the plugin reaches its keystore. `tcp`: `open` puts a `tcpFaultProxy` between the two, and the cases about
   * refused, reset and silent connections run. `none`: the keystore is in the same process or machine, without TCP.
   */
  readonly network: "tcp" | "none"
  /**
   * Makes everything that one case needs, and nothing that two cases share: no case depends on another. It may start a
   * server once and give each case its own key there.
   */
  open(request: OpenRequest): Promise<OpenedKeystore>
}

/** What `open` is asked for. */
export interface OpenRequest {
  /** Fires when the case has ended or has taken too long. */
  readonly signal: AbortSignal
  /** The tenant for whom the keystore is opened, and who makes every call of the case. */
  readonly tenantId: string
}

/** A started plugin with one opened keystore, and the second route into the same keystore. */
export interface OpenedKeystore {
  /** The plugin, started. The case stops it. */
  readonly plugin: KeystorePluginV1
  /**
   * The valid configuration from which `instance` was opened. Secrets stand in it as text or as `SecretHandle`. Its key
   * exists, is usable and belongs to this case alone.
   */
  readonly configuration: KeystoreConfigurationInput
  /** `await plugin.openKeystore(configuration, call)`, for the tenant of the request. */
  readonly instance: KeystoreV1
  readonly backend: KeystoreBackend
  /**
   * Each secret that the plugin can get to see (passwords, tokens, key material that is not behind an HSM). The kit looks
   * for them, also in hexadecimal and base64, in everything that the plugin lets out.
   */
  readonly canaries: readonly (string | Uint8Array)[]
  /** All that the plugin has logged up to now, as text. */
  logs(): string
  /** The proxy through which the plugin reaches the keystore. Needed with `network: "tcp"`. */
  readonly proxy?: TcpFaultProxy
  /** Gives back what `open` made, also after the case has closed the keystore and stopped the plugin. */
  close(): Promise<void>
}

/**
 * The second route: the keystore's own tools or API, past the plugin and past the proxy, with a credential that may do all
 * of this. It says what is true in the keystore, whatever the plugin claims.
 */
export interface KeystoreBackend {
  /** Tells whether the keystore has a key of this name. */
  keyExists(keyId: string): Promise<boolean>
  /** Makes one more usable key of the kind that the plugin needs, and lets the credential of the plugin use it. */
  createKey(): Promise<KeyRef>
  /** A name that no key has, and that the credential of the plugin could use if there were such a key. */
  unusedKeyId(): string
  /** Opens a ciphertext that the plugin returned; rejects when it does not open under this key and context. */
  decrypt(key: KeyRef, ciphertext: Uint8Array, context: EncryptionContext): Promise<Uint8Array>
  /** State of a key. Needed by plugins with the capability `enableKey`, `disableKey` or `deleteKey`. */
  keyState?(keyId: string): Promise<KeyState>
}
