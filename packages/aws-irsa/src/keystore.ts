import type {
  CallOptions,
  ConnectionStep,
  CreateKeyRequest,
  DecryptRequest,
  DecryptResult,
  EncryptRequest,
  EncryptResult,
  HttpResponse,
  ImportKeyMaterialRequest,
  ImportParameters,
  KeyDescription,
  KeyRef,
  KeystoreV1,
  KeyVersionDescription,
  PluginServices,
  ProbeResult,
} from "@apeiro-cmk/plugin-interface"
import { abortReason } from "@apeiro-cmk/plugin-sdk"
import type { Kms } from "./client.ts"
import { testConnection } from "./connection/test-connection.ts"
import { throwAwayContext } from "./encryption-context.ts"
import { decrypt, encrypt, mismatch } from "./envelope.ts"
import { getImportParameters, importKeyMaterial, type KeyImportOptions } from "./keys/key-import.ts"
import { checkedKeyId, KeyLifeCycle } from "./keys/key-life-cycle.ts"
import { listVersions } from "./keys/key-versions.ts"
import type { SessionCache } from "./session/session-cache.ts"

/** Arguments of {@link AwsKeystore}. */
export interface KeystoreOptions {
  readonly kms: Kms
  readonly sessions: SessionCache
  readonly keyId: string
  readonly region: string
  readonly importing: Omit<KeyImportOptions, "kms">
  /** Returns the last answer of AWS, for its date. */
  readonly lastAnswer: () => { readonly answer: HttpResponse; readonly receivedAtMs: number } | undefined
  readonly services: Pick<PluginServices, "clock" | "random">
  /** Called once, when the keystore has closed. */
  readonly onClose: () => Promise<void>
}

/** A keystore for one KMS key of one tenant. Makes no request before the first call. */
export class AwsKeystore implements KeystoreV1 {
  readonly defaultKey: KeyRef
  readonly #options: KeystoreOptions
  readonly #kms: Kms
  readonly #lifeCycle: KeyLifeCycle
  readonly #imports: KeyImportOptions
  #sample: (EncryptResult & { readonly plaintext: Uint8Array }) | undefined
  #closed: Promise<void> | undefined

  constructor(options: KeystoreOptions) {
    const { kms, importing, keyId } = options
    this.#options = options
    this.#kms = kms
    this.#lifeCycle = new KeyLifeCycle(kms)
    this.#imports = { ...importing, kms }
    this.defaultKey = { keyId }
  }

  async encrypt(request: EncryptRequest, call: CallOptions): Promise<EncryptResult> {
    return encrypt(this.#kms, { ...request, key: checked(request.key, call) }, call)
  }

  async decrypt(request: DecryptRequest, call: CallOptions): Promise<DecryptResult> {
    return decrypt(this.#kms, { ...request, key: checked(request.key, call) }, call)
  }

  async describeKey(key: KeyRef, call: CallOptions): Promise<KeyDescription> {
    return this.#lifeCycle.describe(checked(key, call).keyId, call)
  }

  async listKeyVersions(key: KeyRef, call: CallOptions): Promise<readonly KeyVersionDescription[]> {
    return listVersions(this.#kms, checked(key, call).keyId, call)
  }

  async createKey({ keyId, origin }: CreateKeyRequest, call: CallOptions): Promise<KeyDescription> {
    return this.#lifeCycle.createKey({ ...checked({ keyId }, call), origin }, call)
  }

  async enableKey(key: KeyRef, call: CallOptions): Promise<void> {
    await this.#lifeCycle.enableKey(checked(key, call).keyId, call)
  }

  async disableKey(key: KeyRef, call: CallOptions): Promise<void> {
    await this.#lifeCycle.disableKey(checked(key, call).keyId, call)
  }

  async rotateKey(key: KeyRef, call: CallOptions): Promise<KeyDescription> {
    return this.#lifeCycle.rotateKey(checked(key, call).keyId, call)
  }

  async deleteKey(key: KeyRef, call: CallOptions): Promise<void> {
    await this.#lifeCycle.deleteKey(checked(key, call).keyId, call)
  }

  async getImportParameters(key: KeyRef, call: CallOptions): Promise<ImportParameters> {
    return getImportParameters(this.#imports, checked(key, call).keyId, call)
  }

  async importKeyMaterial(request: ImportKeyMaterialRequest, call: CallOptions): Promise<KeyDescription> {
    const { keyId } = checked(request.key, call)
    await importKeyMaterial(this.#imports, request, call)
    return this.#lifeCycle.describe(keyId, call)
  }

  testConnection(call: CallOptions): AsyncIterable<ConnectionStep> {
    return testConnection(this.#options, call)
  }

  /** Encrypts a throw-away sample once; each later probe is one real decrypt. */
  async probe(call: CallOptions): Promise<ProbeResult> {
    const { clock } = this.#options.services
    const startedMs = clock.monotonicMs()
    const context = throwAwayContext(call, "probe")
    const sealed = this.#sample ?? (await this.#newSample(call))
    this.#sample = sealed
    try {
      const opened = await decrypt(this.#kms, { key: this.defaultKey, ...sealed, context }, call)
      if (!Buffer.from(opened.plaintext).equals(sealed.plaintext)) throw mismatch()
    } catch (error) {
      // The next probe starts with a new sample, e.g. after a rotation of imported material.
      this.#sample = undefined
      throw error
    }
    return { latencyMs: clock.monotonicMs() - startedMs }
  }

  close(): Promise<void> {
    this.#closed ??= this.#closeOnce()
    return this.#closed
  }

  async #closeOnce(): Promise<void> {
    this.#kms.close()
    this.#options.sessions.close()
    await this.#options.onClose()
  }

  async #newSample(call: CallOptions) {
    const plaintext = this.#options.services.random.bytes(32)
    const request = { key: this.defaultKey, plaintext, context: throwAwayContext(call, "probe") }
    return { ...(await encrypt(this.#kms, request, call)), plaintext }
  }
}

/** Checks the call first: an aborted call rejects with its reason, whatever else is wrong with it. */
function checked({ keyId }: KeyRef, { signal }: CallOptions): KeyRef {
  if (signal.aborted) throw abortReason(signal)
  return { keyId: checkedKeyId(keyId) }
}
