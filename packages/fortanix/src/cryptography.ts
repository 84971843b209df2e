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
import { onlyDecrypts, stateError, throwAwayContext } from "./key-facts.ts"
import type { KeySeriesCache } from "./key-series.ts"
import type { GroupKeys } from "./keys.ts"
import type { DsmAnswer } from "./wire.ts"
import { modeOf, unwrap, type WrapMode, wrap } from "./wrap.ts"

/** What {@link createCryptography} works with. */
export interface CryptographyOptions {
  readonly client: DsmClient
  readonly keys: GroupKeys
  readonly seriesCache: KeySeriesCache
  readonly mode: WrapMode
  readonly services: Pick<PluginServices, "random">
}

/** Wrapping and unwrapping with the versions of a key. */
export interface Cryptography {
  encrypt(request: EncryptRequest, call: CallOptions): Promise<EncryptResult>
  decrypt(request: DecryptRequest, call: CallOptions): Promise<DecryptResult>
  /** Encrypts a throw-away sample once for each key; from then on it is one real decrypt. */
  proveRoundTrip(keyId: string, call: CallOptions): Promise<void>
}

interface Sample {
  readonly kid: string
  readonly plaintext: Uint8Array
  readonly ciphertext: Uint8Array
  readonly associatedData: Uint8Array
}

const longestPlaintextBytes = 4096

/** Makes the {@link Cryptography} of one group's keys. */
export function createCryptography(options: CryptographyOptions): Cryptography {
  const { client, keys, seriesCache, mode, services } = options
  const samples = new Map<string, Sample>()

  /**
   * What a refusal means is found by looking at the version: DSM's words are not documented, and which status it gives for
   * what is not either. @returns `undefined` where the version is sound and the request itself is what DSM refuses
   */
  async function reasonOf(
    use: "encrypt" | "decrypt",
    kid: string,
    refused: DsmAnswer,
    call: CallOptions,
  ): Promise<PluginError | undefined> {
    if (![400, 403, 404].includes(refused.status)) return unexpectedAnswer(refused)
    const key = await keys.read(kid, call)
    if (key === undefined) return dsmError("keyMissing", refused)
    const isAboutRequest = refused.status === 400
    const byState = stateError(key)
    if (byState !== undefined && !(isAboutRequest && use === "decrypt" && onlyDecrypts(key))) return byState
    if (!key.operations.includes(use.toUpperCase())) return dsmError("operationsMissing", refused)
    return isAboutRequest ? undefined : dsmError("denied", refused)
  }

  /** A version that was rotated or ended meanwhile is looked up anew, once. */
  async function seal(keyId: string, plaintext: Uint8Array, associatedData: Uint8Array, call: CallOptions) {
    const sealWith = async (kid: string) => {
      const sealed = await wrap(client, { kid, mode, plaintext, associatedData }, call)
      if (!("refused" in sealed)) return { kid, ciphertext: sealed }
      seriesCache.forget(keyId)
      throw (await reasonOf("encrypt", kid, sealed.refused, call)) ?? dsmError("modeRefused", sealed.refused)
    }
    const before = await seriesCache.series(keyId, call)
    try {
      return await sealWith(before.newest.kid)
    } catch (error) {
      if (!hasCode(error, "KEY_DISABLED", "KEY_NOT_FOUND")) throw error
      const now = await seriesCache.fresh(keyId, call).catch((found: unknown) => {
        // The version itself has told more: that it was destroyed, say.
        throw hasCode(found, "KEY_NOT_FOUND") ? error : found
      })
      if (now.newest.kid === before.newest.kid) throw error
      return sealWith(now.newest.kid)
    }
  }

  async function encrypt({ key, plaintext, context }: EncryptRequest, call: CallOptions): Promise<EncryptResult> {
    if (plaintext.length < 1 || plaintext.length > longestPlaintextBytes) {
      const message = `The plaintext must have 1 to ${longestPlaintextBytes} bytes.`
      throw pluginError("INVALID_REQUEST", message, "Wrap a key, not data.")
    }
    const sealed = await seal(key.keyId, plaintext, encodeEncryptionContext(context), call)
    return { ciphertext: new Uint8Array(sealed.ciphertext), keyVersion: sealed.kid }
  }

  /** The version that a ciphertext states, if it is one of the key's. */
  async function versionOf(keyId: string, keyVersion: string, call: CallOptions): Promise<string> {
    const known = await seriesCache.series(keyId, call)
    const isOfKey = known.kids.includes(keyVersion)
    if (isOfKey || (await seriesCache.fresh(keyId, call)).kids.includes(keyVersion)) return keyVersion
    throw dsmError("ciphertextRefused")
  }

  async function decrypt({ key, ciphertext, keyVersion, context }: DecryptRequest, call: CallOptions) {
    const { keyId } = key
    const kid = uuidForm.test(keyVersion) ? await versionOf(keyId, keyVersion, call) : undefined
    // A key that is not there is told first, also where the ciphertext is none.
    if (kid === undefined) await seriesCache.series(keyId, call)
    if (kid === undefined || modeOf(ciphertext) === undefined) throw dsmError("ciphertextRefused")
    const opened = await unwrap(client, { kid, ciphertext, associatedData: encodeEncryptionContext(context) }, call)
    if (!("refused" in opened)) return { plaintext: opened }
    const reason = await reasonOf("decrypt", kid, opened.refused, call)
    if (reason !== undefined) {
      seriesCache.forget(keyId)
      throw reason
    }
    // The version is sound. That a sample opens tells an altered ciphertext from a mode that is forbidden by now.
    await proveRoundTrip(keyId, call)
    throw dsmError("ciphertextRefused", opened.refused)
  }

  async function proveRoundTrip(keyId: string, call: CallOptions): Promise<void> {
    const sample = samples.get(keyId) ?? (await newSample(keyId, call))
    samples.set(keyId, sample)
    try {
      const opened = await unwrap(client, sample, call)
      if ("refused" in opened) {
        seriesCache.forget(keyId)
        throw (await reasonOf("decrypt", sample.kid, opened.refused, call)) ?? dsmError("modeRefused", opened.refused)
      }
      if (!Buffer.from(opened).equals(sample.plaintext)) throw dsmError("mismatch")
    } catch (error) {
      // The next proof begins afresh, e.g. after the version was ended.
      samples.delete(keyId)
      throw error
    }
  }

  async function newSample(keyId: string, call: CallOptions): Promise<Sample> {
    const plaintext = services.random.bytes(32)
    const associatedData = encodeEncryptionContext(throwAwayContext(call, "probe"))
    return { plaintext, associatedData, ...(await seal(keyId, plaintext, associatedData, call)) }
  }

  return { encrypt, decrypt, proveRoundTrip }
}
