import type {
  EncryptionContext,
  KeyRef,
  KeyState,
  KeystoreCapability,
  KeystoreConfigurationInput,
  KeystorePluginV1,
  KeystoreV1,
  PluginDefinition,
} from "@apeiro-cmk/plugin-interface"
import type { TcpFaultProxy } from "../../fault-proxy/proxy.ts"
import type { BackendType } from "./expected-capabilities.ts"

/** Options of {@link keystoreContract}. */
export type KeystoreContractOptions = CommonOptions & Expectation

/** Capabilities that the plugin must have, since its keystore has them. `UNSUPPORTED` for one of these is a failure. */
type Expectation =
  | {
      /** A kind of keystore that the kit knows, with its expected capabilities. */
      readonly backendType: BackendType
      readonly expectedCapabilities?: undefined
    }
  | {
      /** Capabilities of another keystore, from its documentation. */
      readonly expectedCapabilities: readonly KeystoreCapability[]
      readonly backendType?: undefined
    }

interface CommonOptions {
  /** The value that the plugin's package exports under the name `plugin`. Its manifest alone chooses the groups of cases. */
  readonly plugin: PluginDefinition<"keystore">
  /**
   * How the plugin reaches its keystore. `tcp`: `open` puts a `tcpFaultProxy` between the two, and the cases about
   * refused, reset and silent connections run. `none`: the keystore is in the same process or machine, without TCP.
   */
  readonly network: "tcp" | "none"
  /**
   * Result of a missing expected capability. Default `fail`. With `print` the list of missing ones goes to standard error
   * instead: for a plugin that is not finished yet.
   */
  readonly missingCapabilities?: "fail" | "print"
  /**
   * URL of the module that exports `plugin`, as `import.meta.resolve` gives it. With it, the kit imports it in a
   * separate process and looks which packages load with it.
   */
  readonly moduleUrl?: string
  /** Packages that may load together with the manifest, in addition to `zod` and those of `@apeiro-cmk`; never a vendor's SDK. */
  readonly mayLoad?: readonly string[]
  /**
   * Makes everything that one case needs, and nothing that two cases share: no case depends on another. It may start a
   * server once and give each case its own key there.
   */
  open(request: OpenRequest): Promise<OpenedKeystore>
}

/** One call of `open`. */
export interface OpenRequest {
  /** Fires when the case has ended or has taken too long. */
  readonly signal: AbortSignal
  /** The tenant for which the keystore is opened, and which makes every call of the case. */
  readonly tenantId: string
}

/** A started plugin with one opened keystore, and the second route into the same keystore. */
export interface OpenedKeystore {
  /** The plugin, started. The case stops it. */
  readonly plugin: KeystorePluginV1
  /**
   * The valid configuration from which `instance` was opened. It has secrets as text or as `SecretHandle`. Its key
   * exists, is usable and belongs to this case alone.
   */
  readonly configuration: KeystoreConfigurationInput
  /** `await plugin.openKeystore(configuration, call)`, for the tenant of the request. */
  readonly instance: KeystoreV1
  readonly backend: KeystoreBackend
  /**
   * Each secret that the plugin can see (passwords, tokens, key material that is not behind an HSM). The kit looks for
   * them, also in hexadecimal and base64, in everything that the plugin exposes.
   */
  readonly canaries: readonly (string | Uint8Array)[]
  /** The operator's directory with one folder of files per tenant. Needed for the cases about secrets in files. */
  readonly credentialDirectory?: string
  /** Returns everything that the plugin has logged up to now, as text. */
  logs(): string
  /** Returns everything that the plugin has reported to the audit stream up to now. */
  auditEvents?(): readonly unknown[]
  /** The proxy through which the plugin reaches the keystore. Needed with `network: "tcp"`. */
  readonly proxy?: TcpFaultProxy
  /** Releases what `open` made, also after the case has closed the keystore and stopped the plugin. */
  close(): Promise<void>
}

/** A usable key under a name that can lead to another key. */
export interface MovableKey {
  readonly key: KeyRef
  /** Leads the name to a new usable key: points an alias to it, or deletes the key and makes one under its name. */
  move(): Promise<void>
  /** Whether the keystore states which of the two keys it is; false where it identifies keys by their names alone. */
  readonly isStated: boolean
}

/**
 * The second route: the keystore's own tools or API, past the plugin and past the proxy, with a credential that may do all
 * of this. It states the truth about the keystore, whatever the plugin claims.
 */
export interface KeystoreBackend {
  /** Tells whether the keystore has a key of this name. */
  keyExists(keyId: string): Promise<boolean>
  /** Makes one more usable key of the kind that the plugin needs, and lets the credential of the plugin use it. */
  createKey(): Promise<KeyRef>
  /** Returns a name that no key has, and that the credential of the plugin could use if there were such a key. */
  unusedKeyId(): string
  /** Opens a ciphertext that the plugin returned; rejects when it does not open under this key and context. */
  decrypt(key: KeyRef, ciphertext: Uint8Array, context: EncryptionContext): Promise<Uint8Array>
  /** Returns the state of a key. Needed by plugins with the capability `enableKey`, `disableKey` or `deleteKey`. */
  keyState?(keyId: string): Promise<KeyState>
  /** Makes a key that waits for material. Needed by plugins with `importKey` and without `createKey`. */
  createKeyForImport?(): Promise<KeyRef>
  /** Opens a ciphertext with nothing but the material of its key, where the format of ciphertexts is known. */
  decryptWithMaterial?(material: Uint8Array, ciphertext: Uint8Array, context: EncryptionContext): Promise<Uint8Array>
  /** Makes a key under a name that can lead to another key, and lets the credential of the plugin use both. */
  movableKey?(): Promise<MovableKey>
  disableKey?(keyId: string): Promise<void>
  enableKey?(keyId: string): Promise<void>
  /** Deletes a key at once, or schedules it where the keystore has a waiting time. */
  deleteKey?(keyId: string): Promise<void>
  /** Lets a key that could not leave the keystore be exported. Absent where no key can ever become exportable. */
  makeExportable?(keyId: string): Promise<void>
  /** Takes from the credential of this case the right to use keys; the keystore still accepts it. */
  denyCredential?(): Promise<void>
  /** Makes the keystore reject the credential of this case, and end what was opened with it. */
  revokeCredential?(): Promise<void>
  /** Stops the keystore: connections are refused until `start`. Keys survive. */
  stop?(): Promise<void>
  start?(): Promise<void>
}
