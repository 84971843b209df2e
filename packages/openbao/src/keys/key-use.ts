import { type CallOptions, isPluginError } from "@apeiro-cmk/plugin-interface"
import type { TransitCiphertext, TransitPlaintext, TransitPort } from "../client.ts"
import { readOrProve, unsuitable } from "./key-facts.ts"

/** Encrypts and decrypts with keys that have proven to exist and to be suitable. Key names must be checked first. */
export class KeyUse {
  readonly #transit: TransitPort
  /** Encrypts use only these keys: an encrypt on a missing key could create it. */
  readonly #proven = new Set<string>()

  constructor(transit: TransitPort) {
    this.#transit = transit
  }

  /** @throws {PluginError} KEY_NOT_FOUND, KEY_DISABLED, KEY_UNSUITABLE, DENIED */
  async encrypt(
    keyId: string,
    plaintext: Uint8Array,
    context: Uint8Array,
    call: CallOptions,
  ): Promise<TransitCiphertext> {
    await this.#prove(keyId, call)
    try {
      return await this.#transit.encrypt(keyId, plaintext, context, call)
    } catch (error) {
      throw await this.#settled(keyId, error, call)
    }
  }

  /** @throws {PluginError} CIPHERTEXT_REJECTED, KEY_NOT_FOUND, KEY_DISABLED, KEY_UNSUITABLE, DENIED */
  async decrypt(keyId: string, ciphertext: string, context: Uint8Array, call: CallOptions): Promise<TransitPlaintext> {
    try {
      return await this.#transit.decrypt(keyId, ciphertext, context, call)
    } catch (error) {
      throw await this.#settled(keyId, error, call)
    }
  }

  /** Makes the next encrypt prove the key again. */
  forget(keyId: string): void {
    this.#proven.delete(keyId)
  }

  async #prove(keyId: string, call: CallOptions): Promise<void> {
    if (this.#proven.has(keyId)) return
    const key = await readOrProve(this.#transit, keyId, call)
    const refusal = key === undefined ? undefined : unsuitable(key)
    if (refusal !== undefined) throw refusal
    this.#proven.add(keyId)
  }

  /** A 403 on a missing key looks like a denial; the answer of the key itself tells them apart. */
  async #settled(keyId: string, error: unknown, call: CallOptions): Promise<unknown> {
    if (!isPluginError(error)) return error
    if (error.code.startsWith("KEY_")) this.forget(keyId)
    if (error.code !== "DENIED") return error
    this.forget(keyId)
    try {
      await readOrProve(this.#transit, keyId, call)
      return error
    } catch (found) {
      return isPluginError(found) && found.code.startsWith("KEY_") ? found : error
    }
  }
}
