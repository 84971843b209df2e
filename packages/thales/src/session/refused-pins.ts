import { createHmac } from "node:crypto"
import type { TokenSettings } from "../token/messages.ts"

/**
 * PINs that a token has refused: they are never tried again, since attempts are few. Only a keyed hash is kept, so that
 * nobody can recover a refused PIN from it by guessing.
 */
export class RefusedPins {
  readonly #key: Uint8Array
  readonly #names = new Set<string>()

  /** @param key - 32 random bytes */
  constructor(key: Uint8Array) {
    this.#key = key
  }

  add(token: TokenSettings, pin: Uint8Array): void {
    this.#names.add(this.#nameOf(token, pin))
  }

  has(token: TokenSettings, pin: Uint8Array): boolean {
    return this.#names.has(this.#nameOf(token, pin))
  }

  #nameOf({ module, label, serialNumbers }: TokenSettings, pin: Uint8Array): string {
    const hash = createHmac("sha256", this.#key).update(pin).digest("base64")
    return JSON.stringify([module, label, serialNumbers, hash])
  }
}
