import {
  type CallOptions,
  isPluginError,
  type PluginAuditEvent,
  type PluginServices,
} from "@apeiro-cmk/plugin-interface"
import { abortable, pluginError, recordedLogin, singleFlight, withDeadline } from "@apeiro-cmk/plugin-sdk"
import { type Authenticator, createAuthenticator } from "./authenticator.ts"
import { tokenRejected } from "./errors.ts"
import type { OpenBaoLogin, Token } from "./login.ts"
import { renewalDenied, requestRenewal } from "./renewal.ts"
import { RenewalTimer } from "./renewal-timer.ts"
import type { Wire } from "./wire.ts"

/** Arguments of {@link Session}. */
export interface SessionOptions {
  readonly wire: Wire
  readonly login: OpenBaoLogin
  /** The tenant whose audit stream records the logins and renewals. */
  readonly tenantId: string
  readonly requestTimeoutMs: number
  readonly services: Pick<PluginServices, "audit" | "clock" | "logger" | "random">
}

interface HeldToken extends Token {
  readonly obtainedMs: number
  /** Life that the login granted, in milliseconds: renewals near the maximum grant less. */
  readonly fullLifeMs: number
  /**
   * The call that the token was obtained for: a renewal in the background is recorded under its request and keystore.
   */
  readonly call: CallOptions
}

interface LogInRequest {
  /** Also presents a credential that OpenBao rejected recently. */
  readonly insist: boolean
  readonly call: CallOptions
}

const revokeTimeoutMs = 2_000

/** Keeps one token alive: logs in once for all waiting callers, and renews before the token ends. */
export class Session {
  readonly #options: SessionOptions
  readonly #authenticator: Authenticator
  readonly #timer: RenewalTimer
  readonly #canLogInAgain: boolean
  readonly #closing = new AbortController()
  readonly #sharedLogIn = singleFlight((request: LogInRequest) => this.#obtain(request))
  readonly #sharedRenewal = singleFlight((before: HeldToken) => this.#extend(before))
  #held: HeldToken | undefined
  #renewalDenied = false
  #reported: unknown

  constructor(options: SessionOptions) {
    const { login, wire, services } = options
    this.#options = options
    this.#authenticator = createAuthenticator(login, wire, services.clock)
    this.#timer = new RenewalTimer(services.clock, services.random, () => this.#refreshInBackground())
    this.#canLogInAgain = login.method !== "token"
  }

  /** Fires with `CANCELLED` when the session closes. */
  get closing(): AbortSignal {
    return this.#closing.signal
  }

  /**
   * Returns the token in use; logs in when there is none.
   * @throws {PluginError} CREDENTIAL_REJECTED, and every error that a request can throw
   */
  async token(call: CallOptions): Promise<Token> {
    if (this.#closing.signal.aborted) throw this.#closing.signal.reason
    const held = this.#held
    if (held !== undefined && this.#leftMs(held) > 0) return held
    return abortable(this.#sharedLogIn({ insist: false, call }), call.signal)
  }

  /** Logs in now, even with a token at hand or a credential that was rejected recently. */
  async logIn(call: CallOptions): Promise<Token> {
    const before = this.#held
    const token = await abortable(this.#sharedLogIn({ insist: true, call }), call.signal)
    // A call that still uses the old token learns that it is bad, and continues with the new one.
    if (before !== undefined && before.value !== token.value) await this.#revoke(before)
    return token
  }

  /**
   * Renews the token in use now.
   * @throws {PluginError} DENIED - the token's policies do not allow `auth/token/renew-self`
   * @throws {PluginError} CREDENTIAL_REJECTED - OpenBao no longer knows the token
   */
  async renew(call: CallOptions): Promise<Token | "not renewable"> {
    await this.token(call)
    const held = this.#held
    if (held?.renewable !== true) return "not renewable"
    return abortable(this.#sharedRenewal({ ...held, call }), call.signal)
  }

  /** Forgets a token that OpenBao no longer knows, unless another one has replaced it. */
  drop(token: Token): void {
    if (this.#held?.value !== token.value) return
    this.#held = undefined
    this.#timer.cancel()
  }

  /** Ends the calls in flight and revokes a token that came from a login, if OpenBao answers within 2 s. Idempotent. */
  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return
    const last = this.#held
    this.#held = undefined
    this.#timer.cancel()
    this.#closing.abort(pluginError("CANCELLED", "The keystore was closed.", "Open the keystore again to continue."))
    if (last !== undefined) await this.#revoke(last)
  }

  #obtain({ insist, call }: LogInRequest): Promise<Token> {
    return this.#ownCall(call, async (own) => {
      const obtainedMs = this.#options.services.clock.monotonicMs()
      const token = await this.#audited("keystoreLogin", own, () => this.#authenticator.authenticate(own, insist))
      this.#renewalDenied = false
      this.#hold({ ...token, obtainedMs, fullLifeMs: token.lifeMs ?? 0, call: own })
      return token
    })
  }

  #extend(before: HeldToken): Promise<Token | "not renewable"> {
    return this.#ownCall(before.call, async (own) => {
      const obtainedMs = this.#options.services.clock.monotonicMs()
      const token = await this.#audited("keystoreTokenRenewal", own, () => this.#renewal(before, own))
      if (token === "not renewable") return token
      // A login may have replaced the token in the meantime: its own renewal is already planned.
      if (this.#held?.value === before.value) {
        this.#hold({ ...token, obtainedMs, fullLifeMs: before.fullLifeMs, call: own })
      }
      return token
    })
  }

  async #renewal(before: Token, call: CallOptions): Promise<Token | "not renewable"> {
    const outcome = await requestRenewal(before, this.#options.wire, call)
    if (outcome === "unknown") {
      this.drop(before)
      throw tokenRejected()
    }
    if (outcome === "denied") {
      this.#renewalDenied = true
      throw renewalDenied()
    }
    return outcome
  }

  /** Work that several callers share must outlive each of them; it keeps the first caller's request and keystore. */
  async #ownCall<T>(cause: CallOptions, work: (call: CallOptions) => Promise<T>): Promise<T> {
    const { tenantId, requestTimeoutMs, services } = this.#options
    const deadline = withDeadline(this.#closing.signal, 2 * requestTimeoutMs, services.clock)
    try {
      const { purpose = "login" } = cause
      return await work({ ...cause, tenantId, purpose, signal: deadline.signal, deadlineMs: deadline.deadlineMs })
    } finally {
      deadline.dispose()
    }
  }

  #audited<T extends Token | "not renewable">(
    action: PluginAuditEvent["action"],
    call: CallOptions,
    work: () => Promise<T>,
  ): Promise<T> {
    const { login, services } = this.#options
    const event = { action, facts: { method: login.method } }
    // A credential that is held back was reported when OpenBao rejected it.
    const isRepeated = (error: unknown) => {
      if (error === this.#reported) return true
      this.#reported = error
      return false
    }
    const success = (result: T) => {
      if (result === "not renewable") return undefined
      return result.requestId === undefined ? {} : { backendRequestId: result.requestId }
    }
    return recordedLogin({ audit: services.audit, logger: services.logger, event, work, isRepeated, success }, call)
  }

  #hold(token: HeldToken): void {
    if (this.#closing.signal.aborted) return
    // What renews it later serves no test, even where a test began it.
    this.#held = { ...token, call: { ...token.call, purpose: "login" } }
    this.#timer.planFor(token.lifeMs)
  }

  #refreshInBackground(): void {
    this.#refresh().catch((error: unknown) => {
      const code = isPluginError(error) ? error.code : "INTERNAL"
      this.#options.services.logger.warn("The OpenBao token could not be refreshed", { code })
      this.#planRetry()
    })
  }

  /** Renews, or logs in again where that grants a longer life: near the maximum, renewals are cut short. */
  async #refresh(): Promise<void> {
    const token = this.#held
    if (token === undefined) return
    const cutShort = token.lifeMs !== undefined && token.lifeMs < 0.9 * token.fullLifeMs
    if (token.renewable && !this.#renewalDenied && !(cutShort && this.#canLogInAgain)) {
      try {
        if ((await this.#sharedRenewal(token)) !== "not renewable") return
      } catch (error) {
        if (!(isNotRenewed(error) && this.#canLogInAgain)) throw error
      }
    }
    if (this.#canLogInAgain) await this.#sharedLogIn({ insist: false, call: token.call })
    else {
      const { logger } = this.#options.services
      logger.warn("The OpenBao token cannot be renewed: store a new one before it ends", {
        leftMs: this.#leftMs(token),
      })
    }
  }

  #planRetry(): void {
    if (this.#held === undefined || this.#closing.signal.aborted) return
    const leftMs = this.#leftMs(this.#held)
    if (leftMs > 0) this.#timer.planRetry(leftMs)
    else this.#held = undefined
  }

  #leftMs({ lifeMs, obtainedMs }: HeldToken): number {
    if (lifeMs === undefined) return Number.POSITIVE_INFINITY
    return obtainedMs + lifeMs - this.#options.services.clock.monotonicMs()
  }

  /** Revokes a token that came from a login; it expires on its own if that fails. */
  async #revoke({ value, call }: HeldToken): Promise<void> {
    if (!this.#canLogInAgain) return
    const { wire, tenantId, services } = this.#options
    const deadline = withDeadline(undefined, revokeTimeoutMs, services.clock)
    const request = { method: "POST", path: "auth/token/revoke-self", body: Buffer.from("{}") } as const
    try {
      const own = { ...call, tenantId, signal: deadline.signal, deadlineMs: deadline.deadlineMs }
      await wire.send(request, value, own)
    } catch (error) {
      services.logger.info("The OpenBao token was not revoked and expires on its own", {
        code: isPluginError(error) ? error.code : "INTERNAL",
      })
    } finally {
      deadline.dispose()
    }
  }
}

function isNotRenewed(error: unknown): boolean {
  return isPluginError(error) && ["DENIED", "CREDENTIAL_REJECTED"].includes(error.code)
}
