import { isPluginError } from "@apeiro-cmk/plugin-interface"
import { pluginError } from "@apeiro-cmk/plugin-sdk"
import type { TokenSettings } from "../token/messages.ts"
import type { RefusedPins } from "./refused-pins.ts"

/** The PIN of a token: read for each login, and never tried again after the token has refused it. */
export class LoginPin {
  readonly #token: TokenSettings
  readonly #read: (signal: AbortSignal) => Promise<Uint8Array>
  readonly #refused: RefusedPins

  /** @param read - returns bytes that nobody else uses: they are filled with zeros here */
  constructor(token: TokenSettings, read: (signal: AbortSignal) => Promise<Uint8Array>, refused: RefusedPins) {
    this.#token = token
    this.#read = read
    this.#refused = refused
  }

  /**
   * Lends the PIN to a login, and remembers a PIN that the login refuses.
   * @throws {PluginError} CREDENTIAL_REJECTED - the token refused this PIN, now or before
   */
  async use(signal: AbortSignal, logIn: (pin: Uint8Array) => Promise<void>): Promise<void> {
    const pin = await this.#read(signal)
    try {
      if (this.#refused.has(this.#token, pin)) throw pinRefused()
      await logIn(pin)
    } catch (error) {
      if (isPluginError(error) && error.code === "CREDENTIAL_REJECTED") this.#refused.add(this.#token, pin)
      throw error
    } finally {
      pin.fill(0)
    }
  }

  /** Checks that the token has not refused this PIN before. @throws {PluginError} CREDENTIAL_REJECTED */
  async requireUntried(signal: AbortSignal): Promise<void> {
    await this.use(signal, async () => undefined)
  }
}

function pinRefused() {
  const next = "Correct the PIN of the keystore; if the PIN is locked, have the partition's security officer unlock it."
  return pluginError("CREDENTIAL_REJECTED", "The HSM has refused this PIN, which is not tried again.", next)
}
