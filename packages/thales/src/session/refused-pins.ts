import { createHmac } from "node:crypto"
import { abortable, pluginError } from "@apeiro-cmk/plugin-sdk"
import type { TokenIdentity } from "../token/messages.ts"
import { TokenRejection } from "./token-rejection.ts"

/** Most refused PINs that are remembered of one tenant; beyond it, its own oldest is forgotten. */
const mostPerTenant = 500

/** A login that is about to be tried. */
export interface LoginAttempt {
  readonly tenantId: string
  /** As the token states it: configurations can spell one token in many ways. */
  readonly token: TokenIdentity
  readonly pin: Uint8Array
  readonly signal: AbortSignal
}

/**
 * PINs that a token has refused: they are never sent there again, by whichever keystore of whichever tenant, since
 * attempts are few. Only a keyed hash is kept, so that nobody can recover a refused PIN from it by guessing.
 */
export class RefusedPins {
  readonly #key: Uint8Array
  /** Tenant that tried it, by token and PIN; oldest first. */
  readonly #refused = new Map<string, string>()
  /** Logins that run, by token and PIN: of many that begin together, one learns whether the PIN is refused. */
  readonly #running = new Map<string, Promise<void>>()

  /** @param key - 32 random bytes */
  constructor(key: Uint8Array) {
    this.#key = key
  }

  /** Returns a keyed hash, by which PINs can be compared. */
  hashOf(pin: Uint8Array): string {
    return createHmac("sha256", this.#key).update(pin).digest("base64")
  }

  /**
   * Runs a login, unless the token has refused its PIN before.
   * @throws {PluginError} CREDENTIAL_REJECTED - it has; the PIN is not sent
   * @throws {TokenRejection} the token's own failure
   */
  async logIn({ tenantId, token, pin, signal }: LoginAttempt, logIn: () => Promise<void>): Promise<void> {
    const { manufacturer, model, serialNumber, label } = token
    const name = JSON.stringify([manufacturer, model, serialNumber, label, this.hashOf(pin)])
    for (let running = this.#running.get(name); running !== undefined; running = this.#running.get(name))
      await abortable(running, signal)
    if (this.#refused.has(name)) throw pinRefused()
    const login = logIn().catch((error: unknown) => {
      if (error instanceof TokenRejection && error.failure.refusesPin === true) this.#remember(name, tenantId)
      throw error
    })
    const ended = login.catch(() => undefined).finally(() => this.#running.delete(name))
    this.#running.set(name, ended)
    await login
  }

  #remember(name: string, tenantId: string): void {
    this.#refused.set(name, tenantId)
    const own = [...this.#refused].filter(([, each]) => each === tenantId)
    if (own.length > mostPerTenant) this.#refused.delete(own[0]?.[0] ?? "")
  }
}

/** Makes the error of a PIN that the token has refused before. */
export function pinRefused() {
  const next = "Correct the PIN of the keystore; if the PIN is locked, have the partition's security officer unlock it."
  return pluginError("CREDENTIAL_REJECTED", "The HSM has refused this PIN, which is not tried again.", next)
}
