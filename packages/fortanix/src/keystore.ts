import type {
  CallOptions,
  ConnectionStep,
  CreateKeyRequest,
  DecryptRequest,
  DecryptResult,
  EncryptRequest,
  EncryptResult,
  KeyDescription,
  KeyRef,
  KeystoreCapability,
  KeystoreV1,
  KeyVersionDescription,
  PluginServices,
  ProbeResult,
} from "@apeiro-cmk/plugin-interface"
import { abortReason, pluginError, unsupportedOperations } from "@apeiro-cmk/plugin-sdk"
import { DsmAccount } from "./account.ts"
import { Changes } from "./approvals.ts"
import type { DsmClient } from "./client.ts"
import { dsmName } from "./config.ts"
import { testConnection } from "./connection/test-connection.ts"
import { Cryptography } from "./cryptography.ts"
import { dsmError } from "./errors.ts"
import { GroupKeys } from "./keys/group-keys.ts"
import { requireSuitable } from "./keys/key-facts.ts"
import { importReason, KeyLifeCycle } from "./keys/key-life-cycle.ts"
import { KeySeriesCache } from "./keys/key-series.ts"
import type { WrapMode } from "./wrap.ts"

/** Options of a {@link FortanixKeystore}. */
export interface KeystoreOptions {
  readonly client: DsmClient
  readonly appId: string
  /** Name or id. */
  readonly group: string
  readonly keyName: string
  readonly mode: WrapMode
  readonly services: Pick<PluginServices, "clock" | "logger" | "random">
  /** Called once, when the keystore has closed. */
  readonly onClose: () => Promise<void>
}

/** Reasons why the plugin lacks a capability, for the manifest and the error. */
export const unsupportedReasons = { importKey: importReason } as const satisfies Partial<
  Record<KeystoreCapability, string>
>

const lacking = unsupportedOperations(unsupportedReasons)

/** One key of one tenant in DSM. Touches no network until the first call. */
export class FortanixKeystore implements KeystoreV1 {
  readonly defaultKey: KeyRef
  readonly getImportParameters = lacking.getImportParameters
  readonly importKeyMaterial = lacking.importKeyMaterial
  readonly #options: KeystoreOptions
  readonly #account: DsmAccount
  readonly #keys: GroupKeys
  readonly #cryptography: Cryptography
  readonly #lifeCycle: KeyLifeCycle
  #closed: Promise<void> | undefined

  constructor(options: KeystoreOptions) {
    const { client, appId, group, keyName, mode, services } = options
    const { clock, logger } = services
    const account = new DsmAccount(client, appId)
    const keys = new GroupKeys(client, group)
    const requireNoExport = async (call: CallOptions) => account.requireNoExport(await keys.groupId(call), call)
    const seriesCache = new KeySeriesCache({ keys, clock, requireNoExport })
    this.#options = options
    this.#account = account
    this.#keys = keys
    this.#cryptography = new Cryptography({ client, keys, seriesCache, mode, services })
    this.#lifeCycle = new KeyLifeCycle({ keys, seriesCache, changes: new Changes(client, logger) })
    this.defaultKey = { keyId: keyName }
  }

  async encrypt(request: EncryptRequest, call: CallOptions): Promise<EncryptResult> {
    checkedKeyId(request.key, call)
    return this.#cryptography.encrypt(request, call)
  }

  async decrypt(request: DecryptRequest, call: CallOptions): Promise<DecryptResult> {
    checkedKeyId(request.key, call)
    return this.#cryptography.decrypt(request, call)
  }

  async describeKey(key: KeyRef, call: CallOptions): Promise<KeyDescription> {
    return this.#lifeCycle.describeKey(checkedKeyId(key, call), call)
  }

  async listKeyVersions(key: KeyRef, call: CallOptions): Promise<readonly KeyVersionDescription[]> {
    return this.#lifeCycle.listKeyVersions(checkedKeyId(key, call), call)
  }

  async createKey(request: CreateKeyRequest, call: CallOptions): Promise<KeyDescription> {
    checkedKeyId(request, call)
    return this.#lifeCycle.createKey(request, call)
  }

  async enableKey(key: KeyRef, call: CallOptions): Promise<void> {
    await this.#lifeCycle.setEnabled(checkedKeyId(key, call), true, call)
  }

  async disableKey(key: KeyRef, call: CallOptions): Promise<void> {
    await this.#lifeCycle.setEnabled(checkedKeyId(key, call), false, call)
  }

  async rotateKey(key: KeyRef, call: CallOptions): Promise<KeyDescription> {
    return this.#lifeCycle.rotateKey(checkedKeyId(key, call), call)
  }

  async deleteKey(key: KeyRef, call: CallOptions): Promise<void> {
    await this.#lifeCycle.deleteKey(checkedKeyId(key, call), call)
  }

  testConnection(call: CallOptions): AsyncIterable<ConnectionStep> {
    const { client, services } = this.#options
    return testConnection({ keystore: this, client, account: this.#account, keys: this.#keys, services }, call)
  }

  /**
   * Decrypts a throw-away sample, and reads the key.
   * @throws {PluginError} KEY_UNSUITABLE - EXPORT is now among its operations: it still decrypts
   */
  async probe(call: CallOptions): Promise<ProbeResult> {
    const { keyName, services } = this.#options
    const startedMs = services.clock.monotonicMs()
    await this.#cryptography.proveRoundTrip(keyName, call)
    const key = await this.#keys.find(keyName, call)
    if (key === undefined) throw dsmError("keyMissing")
    requireSuitable(key)
    return { latencyMs: services.clock.monotonicMs() - startedMs }
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    await this.#options.client.close()
    await this.#options.onClose()
  }
}

/** A call that is over rejects with its reason first, whatever else is wrong with it. */
function checkedKeyId({ keyId }: KeyRef, { signal }: CallOptions): string {
  if (signal.aborted) throw abortReason(signal)
  if (dsmName.safeParse(keyId).success) return keyId
  throw pluginError("INVALID_REQUEST", "Not a valid DSM key name.", "Use the key's name or id as DSM shows it.")
}
