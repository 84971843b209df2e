import { createCipheriv, createDecipheriv, type KeyObject } from "node:crypto"
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
  KeystoreV1,
  KeyVersionDescription,
  PluginServices,
  ProbeResult,
} from "@apeiro-cmk/plugin-interface"
import { abortable, abortReason, encodeEncryptionContext, unsupported } from "@apeiro-cmk/plugin-sdk"
import type { KeyFile } from "./client.ts"
import { keyName } from "./config.ts"
import { testConnection } from "./connection/test-connection.ts"
import { ciphertextRejected, invalidKeyName, invalidPlaintext, keyDisabled, keystoreClosed } from "./errors.ts"
import type { StoredKey } from "./key-file-format.ts"

/** Reasons why the plugin lacks a capability, for the manifest and the error. */
export const unsupportedReasons = {
  deleteKey: "the operator removes keys by removing the key file",
  importKey: "an imported software key also exists elsewhere",
} as const

/** Warning about every key of this plugin, for its administrator. */
const softwareKeyWarning = "This is a software key for trials: anybody who reads the key file has the key."

const algorithm = "aes256-gcm"
const longestPlaintext = 4096
const nonceLength = 12
const tagLength = 16
/** First byte of each ciphertext; nonce, encrypted bytes and tag follow. */
const ciphertextFormat = 1
const probeContext = { tenantId: "probe", keyId: "probe", keyVersion: 1 }

/** One opened local keystore. Encrypts by AES-256-GCM, with the encryption context as associated data. */
export class LocalKeystore implements KeystoreV1 {
  readonly defaultKey: KeyRef
  readonly #keyFile: () => KeyFile
  readonly #services: Pick<PluginServices, "clock" | "random">
  #closed = false

  /** @param keyFile - returns the open file; throws while the plugin is not running */
  constructor(keyFile: () => KeyFile, services: Pick<PluginServices, "clock" | "random">, keyName: string) {
    this.#keyFile = keyFile
    this.#services = services
    this.defaultKey = Object.freeze({ keyId: keyName })
  }

  async encrypt({ key, plaintext, context }: EncryptRequest, call: CallOptions): Promise<EncryptResult> {
    const { versions } = this.#usableKey(key, call)
    if (plaintext.length === 0 || plaintext.length > longestPlaintext) throw invalidPlaintext()
    const nonce = this.#services.random.bytes(nonceLength)
    const cipher = createCipheriv("aes-256-gcm", materialOf(versions, versions.length), nonce)
    cipher.setAAD(encodeEncryptionContext(context))
    const body = Buffer.concat([cipher.update(plaintext), cipher.final()])
    const ciphertext = Buffer.concat([Uint8Array.of(ciphertextFormat), nonce, body, cipher.getAuthTag()])
    return { ciphertext, keyVersion: String(versions.length) }
  }

  async decrypt({ key, ciphertext, keyVersion, context }: DecryptRequest, call: CallOptions): Promise<DecryptResult> {
    const { versions } = this.#usableKey(key, call)
    const bytes = Buffer.from(ciphertext.buffer, ciphertext.byteOffset, ciphertext.byteLength)
    if (bytes.length <= 1 + nonceLength + tagLength || bytes[0] !== ciphertextFormat) throw ciphertextRejected()
    if (!/^[1-9]\d{0,8}$/.test(keyVersion)) throw ciphertextRejected()
    const nonce = bytes.subarray(1, 1 + nonceLength)
    const decipher = createDecipheriv("aes-256-gcm", materialOf(versions, Number(keyVersion)), nonce)
    decipher.setAAD(encodeEncryptionContext(context)).setAuthTag(bytes.subarray(-tagLength))
    const plaintext = decipher.update(bytes.subarray(1 + nonceLength, -tagLength))
    try {
      decipher.final()
    } catch {
      plaintext.fill(0)
      throw ciphertextRejected() // OpenSSL reports only that the tag does not match
    }
    return { plaintext }
  }

  async describeKey(key: KeyRef, call: CallOptions): Promise<KeyDescription> {
    const { enabled, versions } = this.#key(key, call)
    const latest = versions.at(-1)
    return {
      key,
      identity: `local:${this.#keyFile().fileId}:${key.keyId}`,
      state: enabled ? "ENABLED" : "DISABLED",
      algorithm,
      exportable: true,
      latestVersion: String(versions.length),
      ...(latest === undefined ? {} : { latestVersionCreatedAtMs: latest.createdAtMs }),
      warnings: [softwareKeyWarning],
    }
  }

  async listKeyVersions(key: KeyRef, call: CallOptions): Promise<readonly KeyVersionDescription[]> {
    const { enabled, versions } = this.#key(key, call)
    const status = enabled ? "ENABLED" : "DISABLED"
    return versions.map(({ createdAtMs }, index) => ({ versionId: String(index + 1), createdAtMs, status }))
  }

  async createKey({ keyId, origin }: CreateKeyRequest, call: CallOptions): Promise<KeyDescription> {
    this.#requireOpen(call)
    if (origin === "import") throw unsupported("importKey", unsupportedReasons.importKey)
    if (!keyName().safeParse(keyId).success) throw invalidKeyName()
    await abortable(this.#keyFile().create([keyId]), call.signal)
    return this.describeKey({ keyId }, call)
  }

  async enableKey(key: KeyRef, call: CallOptions): Promise<void> {
    this.#key(key, call)
    await abortable(this.#keyFile().setEnabled(key.keyId, true), call.signal)
  }

  async disableKey(key: KeyRef, call: CallOptions): Promise<void> {
    this.#key(key, call)
    await abortable(this.#keyFile().setEnabled(key.keyId, false), call.signal)
  }

  async rotateKey(key: KeyRef, call: CallOptions): Promise<KeyDescription> {
    this.#usableKey(key, call)
    await abortable(this.#keyFile().rotate(key.keyId), call.signal)
    return this.describeKey(key, call)
  }

  async deleteKey(): Promise<never> {
    throw unsupported("deleteKey", unsupportedReasons.deleteKey)
  }

  async getImportParameters(): Promise<never> {
    throw unsupported("importKey", unsupportedReasons.importKey)
  }

  async importKeyMaterial(): Promise<never> {
    throw unsupported("importKey", unsupportedReasons.importKey)
  }

  testConnection(call: CallOptions): AsyncIterable<ConnectionStep> {
    const test = { keystore: this, checkFile: () => this.#keyFile().check(), clock: this.#services.clock }
    return testConnection(test, call)
  }

  async probe(call: CallOptions): Promise<ProbeResult> {
    const { clock, random } = this.#services
    const startedMs = clock.monotonicMs()
    const key = this.defaultKey
    const sealed = await this.encrypt({ key, plaintext: random.bytes(32), context: probeContext }, call)
    const { plaintext } = await this.decrypt({ key, ...sealed, context: probeContext }, call)
    plaintext.fill(0)
    return { latencyMs: clock.monotonicMs() - startedMs }
  }

  async close(): Promise<void> {
    this.#closed = true
  }

  #requireOpen(call: CallOptions): void {
    if (call.signal.aborted) throw abortReason(call.signal)
    if (this.#closed) throw keystoreClosed()
  }

  #key(key: KeyRef, call: CallOptions): StoredKey {
    this.#requireOpen(call)
    return this.#keyFile().key(key.keyId)
  }

  #usableKey(key: KeyRef, call: CallOptions): StoredKey {
    const stored = this.#key(key, call)
    if (!stored.enabled) throw keyDisabled()
    return stored
  }
}

function materialOf(versions: StoredKey["versions"], version: number): KeyObject {
  const found = versions[version - 1]
  if (found === undefined) throw ciphertextRejected()
  return found.material
}
