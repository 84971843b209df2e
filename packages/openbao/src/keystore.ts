import type { OpenBaoClient } from "@apeiro-cmk/openbao-client"
import type {
  CallOptions,
  ConnectionStep,
  CreateKeyRequest,
  DecryptRequest,
  DecryptResult,
  EncryptRequest,
  EncryptResult,
  ImportKeyMaterialRequest,
  ImportParameters,
  KeyDescription,
  KeyRef,
  KeystoreCapability,
  KeystoreV1,
  KeyVersionDescription,
  PluginServices,
  ProbeResult,
} from "@apeiro-cmk/plugin-interface"
import { encodeEncryptionContext, pluginError, unsupported } from "@apeiro-cmk/plugin-sdk"
import { ciphertextVersion, createTransit } from "./client.ts"
import { keyName } from "./configuration/text.ts"
import { testConnection } from "./connection/test-connection.ts"
import { keyMismatch } from "./errors.ts"
import { createTransitAdministration } from "./keys/key-administration.ts"
import {
  describeTransitKey,
  type KeyPlace,
  readOrProve,
  throwAwayContext,
  unsuitable,
  versionStatus,
} from "./keys/key-facts.ts"
import { createKeyImport, type KeyImport } from "./keys/key-import.ts"
import { createKeyLifeCycle, type KeyLifeCycle } from "./keys/key-life-cycle.ts"
import { KeyUse } from "./keys/key-use.ts"

/** Arguments of {@link OpenBaoKeystore}. */
export interface KeystoreOptions {
  readonly client: OpenBaoClient
  readonly namespace?: string
  readonly mountPath: string
  readonly keyName: string
  readonly services: Pick<PluginServices, "clock" | "random">
  /** Called once, when the keystore has closed. */
  readonly onClose: () => Promise<void>
}

/** Why this version lacks a capability. */
export const unsupportedReasons = {
  enableKey: "a transit key is never disabled; one that is soft-deleted is restored in OpenBao",
  disableKey:
    "a transit key cannot be disabled; in OpenBao it can be soft-deleted, or its versions closed by min_decryption_version",
} as const satisfies Partial<Record<KeystoreCapability, string>>

const longestPlaintextBytes = 4096

interface ProbeSample {
  readonly plaintext: Uint8Array
  readonly ciphertext: string
  readonly context: Uint8Array
}

/** A keystore for one transit key of one tenant. Makes no request before the first call. */
export class OpenBaoKeystore implements KeystoreV1 {
  readonly defaultKey: KeyRef
  readonly #options: KeystoreOptions
  readonly #place: KeyPlace
  readonly #use: KeyUse
  readonly #lifeCycle: KeyLifeCycle
  readonly #keyImport: KeyImport
  #sample: ProbeSample | undefined
  #closed: Promise<void> | undefined

  constructor(options: KeystoreOptions) {
    const { client, namespace, mountPath } = options
    const transit = createTransit(client, mountPath)
    const administration = createTransitAdministration(client, mountPath)
    this.#options = options
    this.#place = { client, transit, mountPath, ...(namespace === undefined ? {} : { namespace }) }
    this.#use = new KeyUse(transit)
    this.#lifeCycle = createKeyLifeCycle(this.#place, administration)
    this.#keyImport = createKeyImport(this.#place, administration)
    this.defaultKey = { keyId: options.keyName }
  }

  async encrypt({ key, plaintext, context }: EncryptRequest, call: CallOptions): Promise<EncryptResult> {
    const keyId = checkedKey(key)
    if (plaintext.length < 1 || plaintext.length > longestPlaintextBytes) {
      const message = `The plaintext must have 1 to ${longestPlaintextBytes} bytes.`
      throw pluginError("INVALID_REQUEST", message, "Wrap a key, not data.")
    }
    const encrypted = await this.#use.encrypt(keyId, plaintext, encodeEncryptionContext(context), call)
    return {
      ciphertext: new Uint8Array(Buffer.from(encrypted.ciphertext, "latin1")),
      keyVersion: String(encrypted.keyVersion),
      ...backendRequestId(encrypted),
    }
  }

  async decrypt({ key, ciphertext, keyVersion, context }: DecryptRequest, call: CallOptions): Promise<DecryptResult> {
    const keyId = checkedKey(key)
    const text = Buffer.from(ciphertext.buffer, ciphertext.byteOffset, ciphertext.length).toString("latin1")
    const version = ciphertextVersion(text)
    if (version === undefined || String(version) !== keyVersion) {
      throw pluginError(
        "CIPHERTEXT_REJECTED",
        "The ciphertext does not come from OpenBao, or has another key version than stated.",
        "Use the ciphertext and the key version that one encrypt returned together.",
      )
    }
    const decrypted = await this.#use.decrypt(keyId, text, encodeEncryptionContext(context), call)
    return { plaintext: decrypted.plaintext, ...backendRequestId(decrypted) }
  }

  async describeKey(key: KeyRef, call: CallOptions): Promise<KeyDescription> {
    return describeTransitKey(this.#place, checkedKey(key), call)
  }

  async listKeyVersions(ref: KeyRef, call: CallOptions): Promise<readonly KeyVersionDescription[]> {
    const key = await this.#place.transit.readKey(checkedKey(ref), call)
    return key.versions.map(({ version, createdAtMs }) => ({
      versionId: String(version),
      createdAtMs,
      status: versionStatus(version, key),
    }))
  }

  async createKey({ keyId, origin }: CreateKeyRequest, call: CallOptions): Promise<KeyDescription> {
    return this.#lifeCycle.createKey({ keyId: checkedKey({ keyId }), origin }, call)
  }

  async enableKey(): Promise<never> {
    throw unsupported("enableKey", unsupportedReasons.enableKey)
  }

  async disableKey(): Promise<never> {
    throw unsupported("disableKey", unsupportedReasons.disableKey)
  }

  async rotateKey(key: KeyRef, call: CallOptions): Promise<KeyDescription> {
    return this.#lifeCycle.rotateKey(checkedKey(key), call)
  }

  async deleteKey(key: KeyRef, call: CallOptions): Promise<void> {
    const keyId = checkedKey(key)
    this.#use.forget(keyId)
    await this.#lifeCycle.deleteKey(keyId, call)
  }

  async getImportParameters(key: KeyRef, call: CallOptions): Promise<ImportParameters> {
    return this.#keyImport.getImportParameters(checkedKey(key), call)
  }

  async importKeyMaterial(request: ImportKeyMaterialRequest, call: CallOptions): Promise<KeyDescription> {
    return this.#keyImport.importKeyMaterial({ ...request, key: { keyId: checkedKey(request.key) } }, call)
  }

  testConnection(call: CallOptions): AsyncIterable<ConnectionStep> {
    const { clock, random } = this.#options.services
    return testConnection({ keystore: this, place: this.#place, clock, random }, call)
  }

  /**
   * Encrypts a throw-away sample once; each later probe is one real decrypt, and reads the key where the policy allows it.
   * @throws {PluginError} KEY_UNSUITABLE - it has become exportable, or allows plaintext backups: it still decrypts
   */
  async probe(call: CallOptions): Promise<ProbeResult> {
    const { clock } = this.#options.services
    const startedMs = clock.monotonicMs()
    this.#sample ??= await this.#newSample(call)
    const { plaintext, ciphertext, context } = this.#sample
    try {
      const decrypted = await this.#use.decrypt(this.defaultKey.keyId, ciphertext, context, call)
      if (!Buffer.from(decrypted.plaintext).equals(plaintext)) throw keyMismatch()
      const key = await readOrProve(this.#place.transit, this.defaultKey.keyId, call)
      const refusal = key === undefined ? undefined : unsuitable(key)
      if (refusal !== undefined) throw refusal
    } catch (error) {
      // The next probe starts with a new sample, e.g. after old versions of the key were closed.
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
    await this.#options.client.close()
    await this.#options.onClose()
  }

  async #newSample(call: CallOptions): Promise<ProbeSample> {
    const plaintext = this.#options.services.random.bytes(32)
    const context = encodeEncryptionContext(throwAwayContext(call, "probe"))
    const { ciphertext } = await this.#use.encrypt(this.defaultKey.keyId, plaintext, context, call)
    return { plaintext, ciphertext, context }
  }
}

function checkedKey(key: KeyRef): string {
  const parsed = keyName.safeParse(key.keyId)
  if (parsed.success) return parsed.data
  throw pluginError("INVALID_REQUEST", "Not a valid OpenBao key name.", "Use the key's name as OpenBao lists it.")
}

function backendRequestId(answer: { readonly requestId?: string }): { readonly backendRequestId?: string } {
  return answer.requestId === undefined ? {} : { backendRequestId: answer.requestId }
}
