import type {
  CallOptions,
  DecryptRequest,
  DecryptResult,
  EncryptRequest,
  EncryptResult,
  PluginError,
  PluginServices,
} from "@apeiro-cmk/plugin-interface"
import { encodeEncryptionContext, pluginError } from "@apeiro-cmk/plugin-sdk"
import type { DsmClient } from "./client.ts"
import { uuidForm } from "./config.ts"
import { dsmError, hasCode, unexpectedAnswer } from "./errors.ts"
import type { GroupKeys } from "./keys/group-keys.ts"
import { onlyDecrypts, stateError, throwAwayContext } from "./keys/key-facts.ts"
import type { KeySeriesCache } from "./keys/key-series.ts"
import type { DsmAnswer } from "./messages.ts"
import { modeOf, unwrap, type WrapMode, wrap } from "./wrap.ts"

/** Options of {@link Cryptography}. */
export interface CryptographyOptions {
  readonly client: DsmClient
  readonly keys: GroupKeys
  readonly seriesCache: KeySeriesCache
  readonly mode: WrapMode
  readonly services: Pick<PluginServices, "random">
}

interface Wrapped {
  readonly kid: string
  readonly ciphertext: Uint8Array
}

interface Sample extends Wrapped {
  readonly plaintext: Uint8Array
  readonly associatedData: Uint8Array
}

const longestPlaintextBytes = 4096

/** Wraps and unwraps with the versions of a group's keys. */
export class Cryptography {
  readonly #options: CryptographyOptions
  readonly #samples = new Map<string, Sample>()

  constructor(options: CryptographyOptions) {
    this.#options = options
  }

  /**
   * Encrypts with the newest version.
   * @throws {PluginError} INVALID_REQUEST, KEY_NOT_FOUND, KEY_UNSUITABLE, KEY_DISABLED, DENIED
   */
  async encrypt({ key, plaintext, context }: EncryptRequest, call: CallOptions): Promise<EncryptResult> {
    if (plaintext.length < 1 || plaintext.length > longestPlaintextBytes) {
      const message = `The plaintext must have 1 to ${longestPlaintextBytes} bytes.`
      throw pluginError("INVALID_REQUEST", message, "Wrap a key, not data.")
    }
    const { kid, ciphertext } = await this.#wrap(key.keyId, plaintext, encodeEncryptionContext(context), call)
    return { ciphertext: new Uint8Array(ciphertext), keyVersion: kid }
  }

  /**
   * Decrypts with the version that encrypted.
   * @throws {PluginError} CIPHERTEXT_REJECTED, KEY_NOT_FOUND, KEY_UNSUITABLE, KEY_DISABLED, DENIED
   */
  async decrypt({ key, ciphertext, keyVersion, context }: DecryptRequest, call: CallOptions): Promise<DecryptResult> {
    const { client, seriesCache } = this.#options
    const { keyId } = key
    const kid = uuidForm.test(keyVersion) ? await this.#versionOf(keyId, keyVersion, call) : undefined
    // A missing key is reported first, even where the bytes are not a ciphertext.
    if (kid === undefined) await seriesCache.series(keyId, call)
    if (kid === undefined || modeOf(ciphertext) === undefined) throw dsmError("ciphertextRefused")
    const opened = await unwrap(client, { kid, ciphertext, associatedData: encodeEncryptionContext(context) }, call)
    if (!("refused" in opened)) return { plaintext: opened }
    const reason = await this.#reasonOf("decrypt", kid, opened.refused, call)
    if (reason !== undefined) {
      seriesCache.forget(keyId)
      throw reason
    }
    // The version is sound. If a sample decrypts, the ciphertext was altered; if not, a policy now forbids the mode.
    await this.proveRoundTrip(keyId, call)
    throw dsmError("ciphertextRefused", opened.refused)
  }

  /**
   * Decrypts a throw-away sample, which is encrypted once for each key.
   * @throws {PluginError} KEY_MISMATCH - DSM returned other bytes; KEY_NOT_FOUND, KEY_UNSUITABLE, KEY_DISABLED, DENIED
   */
  async proveRoundTrip(keyId: string, call: CallOptions): Promise<void> {
    const sample = this.#samples.get(keyId) ?? (await this.#newSample(keyId, call))
    this.#samples.set(keyId, sample)
    try {
      const opened = await unwrap(this.#options.client, sample, call)
      if ("refused" in opened) {
        this.#options.seriesCache.forget(keyId)
        const reason = await this.#reasonOf("decrypt", sample.kid, opened.refused, call)
        throw reason ?? dsmError("modeRefused", opened.refused)
      }
      if (!Buffer.from(opened).equals(sample.plaintext)) throw dsmError("mismatch")
    } catch (error) {
      // The next proof begins with a new sample, e.g. after the version was deactivated.
      this.#samples.delete(keyId)
      throw error
    }
  }

  async #newSample(keyId: string, call: CallOptions): Promise<Sample> {
    const plaintext = this.#options.services.random.bytes(32)
    const associatedData = encodeEncryptionContext(throwAwayContext(call, "probe"))
    return { plaintext, associatedData, ...(await this.#wrap(keyId, plaintext, associatedData, call)) }
  }

  /** Wraps with the newest version; one that was rotated or deactivated meanwhile is looked up again, once. */
  async #wrap(keyId: string, plaintext: Uint8Array, associatedData: Uint8Array, call: CallOptions): Promise<Wrapped> {
    const { seriesCache } = this.#options
    const before = await seriesCache.series(keyId, call)
    try {
      return await this.#wrapWith(before.newest.kid, keyId, plaintext, associatedData, call)
    } catch (error) {
      if (!hasCode(error, "KEY_DISABLED", "KEY_NOT_FOUND")) throw error
      const now = await seriesCache.fresh(keyId, call).catch((found: unknown) => {
        // The error of the version itself says more, e.g. that it was destroyed.
        throw hasCode(found, "KEY_NOT_FOUND") ? error : found
      })
      if (now.newest.kid === before.newest.kid) throw error
      return this.#wrapWith(now.newest.kid, keyId, plaintext, associatedData, call)
    }
  }

  async #wrapWith(
    kid: string,
    keyId: string,
    plaintext: Uint8Array,
    associatedData: Uint8Array,
    call: CallOptions,
  ): Promise<Wrapped> {
    const { client, mode, seriesCache } = this.#options
    const wrapped = await wrap(client, { kid, mode, plaintext, associatedData }, call)
    if (!("refused" in wrapped)) return { kid, ciphertext: wrapped }
    seriesCache.forget(keyId)
    const reason = await this.#reasonOf("encrypt", kid, wrapped.refused, call)
    throw reason ?? dsmError("modeRefused", wrapped.refused)
  }

  /** Returns the version that a ciphertext states, if it is one of the key's. */
  async #versionOf(keyId: string, keyVersion: string, call: CallOptions): Promise<string> {
    const { seriesCache } = this.#options
    const known = await seriesCache.series(keyId, call)
    const isOfKey = known.kids.includes(keyVersion)
    if (isOfKey || (await seriesCache.fresh(keyId, call)).kids.includes(keyVersion)) return keyVersion
    throw dsmError("ciphertextRefused")
  }

  /**
   * Finds the reason for a refusal by reading the version: neither DSM's words nor its choice of status is documented.
   * @returns `undefined` where the version is sound and DSM refuses the request itself
   */
  async #reasonOf(
    use: "encrypt" | "decrypt",
    kid: string,
    refused: DsmAnswer,
    call: CallOptions,
  ): Promise<PluginError | undefined> {
    if (![400, 403, 404].includes(refused.status)) return unexpectedAnswer(refused)
    const key = await this.#options.keys.read(kid, call)
    if (key === undefined) return dsmError("keyMissing", refused)
    const isAboutRequest = refused.status === 400
    const byState = stateError(key)
    if (byState !== undefined && !(isAboutRequest && use === "decrypt" && onlyDecrypts(key))) return byState
    if (!key.operations.includes(use.toUpperCase())) return dsmError("operationsMissing", refused)
    return isAboutRequest ? undefined : dsmError("denied", refused)
  }
}
