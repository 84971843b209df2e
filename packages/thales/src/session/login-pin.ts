import { isPluginError } from "@apeiro-cmk/plugin-interface"
import type { TokenIdentity } from "../token/messages.ts"
import { pinRefused, type RefusedPins } from "./refused-pins.ts"
import { TokenRejection } from "./token-rejection.ts"

/** The PIN of a token: read for each login, and never tried again after the token has refused it. */
export class LoginPin {
  readonly #tenantId: string
  readonly #read: (signal: AbortSignal) => Promise<Uint8Array>
  readonly #refusedPins: RefusedPins
  /** Hash of the PIN that was refused last, so that no process starts only to learn that. */
  #refused: string | undefined

  /** @param read - returns bytes that nobody else uses: they are filled with zeros here */
  constructor(tenantId: string, read: (signal: AbortSignal) => Promise<Uint8Array>, refusedPins: RefusedPins) {
    this.#tenantId = tenantId
    this.#read = read
    this.#refusedPins = refusedPins
  }

  /**
   * Lends the PIN to a login at a token, unless that has refused it before.
   * @throws {PluginError} CREDENTIAL_REJECTED - it has
   * @throws {TokenRejection} the token's own failure
   */
  async use(token: TokenIdentity, signal: AbortSignal, logIn: (pin: Uint8Array) => Promise<void>): Promise<void> {
    await this.#lend(signal, async (pin) => {
      const attempt = { tenantId: this.#tenantId, token, pin, signal }
      try {
        await this.#refusedPins.logIn(attempt, () => logIn(pin))
      } catch (error) {
        if (isRefusal(error)) this.#refused = this.#refusedPins.hashOf(pin)
        throw error
      }
    })
  }

  /** Checks that the PIN is not the one that was refused last. @throws {PluginError} CREDENTIAL_REJECTED */
  async requireUntried(signal: AbortSignal): Promise<void> {
    if (this.#refused === undefined) return
    await this.#lend(signal, async (pin) => {
      if (this.#refusedPins.hashOf(pin) === this.#refused) throw pinRefused()
    })
  }

  async #lend(signal: AbortSignal, work: (pin: Uint8Array) => Promise<void>): Promise<void> {
    const pin = await this.#read(signal)
    try {
      await work(pin)
    } finally {
      pin.fill(0)
    }
  }
}

/** Tells whether the token has refused the PIN, now or before. */
function isRefusal(error: unknown): boolean {
  if (error instanceof TokenRejection) return error.failure.refusesPin === true
  return isPluginError(error) && error.code === "CREDENTIAL_REJECTED"
}
