import type { CallOptions } from "../../call.ts"
import type { JsonValue } from "../../json.ts"
import type { KeyDescription } from "./keystore.ts"
import type { UpstreamKeystoreProviderV1 } from "./upstream.ts"

/** Which keystore of `call.tenantId` on a server of the platform. */
export interface ProvidedKeystoreRequest {
  /** Name of the keystore, unique in its tenant: `^[a-z0-9][a-z0-9_-]{0,62}$`. */
  readonly keystoreId: string
}

/** Where the keystore of a request is, as the server itself states it. */
export interface ProvidedKeystoreLocation {
  /**
   * Beginning of the identity ({@link KeyDescription.identity}) of every key that `deleteKeystore` would remove. It ends
   * where a name ends, so that no key beside the keystore has it.
   */
  readonly identityPrefix: string
}

/** A keystore that was made for a tenant. Upstream: the access data of CreateKeystore's answer. */
export interface ProvidedKeystore {
  /** Configuration for `openKeystore`, without secrets; the same each time. Writes out every identity field, as parsed. */
  readonly configuration: Readonly<Record<string, JsonValue>>
  /** The configuration's secret fields, as UTF-8; new ones each time. Whoever stores them fills them with zeros. */
  readonly secrets: Readonly<Record<string, Uint8Array>>
}

/**
 * Creates and removes keystores for tenants on a server of the platform (FR-3.2). Each method may be called again after
 * any failure, and go on where the last call ended; what they did not make themselves they leave alone.
 */
export interface KeystoreProviderV1 {
  /**
   * Makes the keystore, its L1 key, and a credential that reaches nothing else.
   * @throws {PluginError} KEY_UNSUITABLE - something of that name is there already and is not this keystore
   * @throws {PluginError} any code of a keystore failure
   */
  createKeystore(request: ProvidedKeystoreRequest, call: CallOptions): Promise<ProvidedKeystore>
  /**
   * States where the keystore is, whether or not it exists. Changes nothing. The host destroys no keystore whose location
   * it does not know.
   * @throws {PluginError} any code of a keystore failure
   */
  locateKeystore(request: ProvidedKeystoreRequest, call: CallOptions): Promise<ProvidedKeystoreLocation>
  /**
   * Removes the keystore with its L1 key permanently; succeeds where there is none.
   * @throws {PluginError} as `createKeystore`
   */
  deleteKeystore(request: ProvidedKeystoreRequest, call: CallOptions): Promise<void>
  /** Present when the upstream host, too, can have keystores made. */
  readonly upstream?: UpstreamKeystoreProviderV1
}
