import { createHash } from "node:crypto"
import { type CallOptions, isPluginError, type PluginError, type PluginServices } from "@apeiro-cmk/plugin-interface"
import {
  abortable,
  callOptions,
  isHeaderValue,
  pluginError,
  recordedLogin,
  singleFlight,
  withDeadline,
} from "@apeiro-cmk/plugin-sdk"
import * as z from "zod"
import { dsmError } from "../errors.ts"
import type { Wire } from "../wire.ts"
import type { DsmLogin } from "./login.ts"

/** Options of a {@link Session}. */
export interface SessionOptions {
  readonly wire: Wire
  readonly login: DsmLogin
  readonly requestTimeoutMs: number
  readonly services: Pick<PluginServices, "audit" | "clock" | "logger">
}

/** A token that DSM has issued. */
export interface SessionToken {
  readonly authorization: string
  /** The token expires when it has been idle for this long, in milliseconds. */
  readonly idleLifeMs: number
}

const answerShape = z.object({
  access_token: z.string().min(1).max(8192).refine(isHeaderValue),
  expires_in: z.number().positive().max(31_536_000),
})

/** A rejected credential is not tried again for this long: DSM may lock an app out. */
const rejectedHoldMs = 60_000
const terminateTimeoutMs = 2_000
/** Share of its idle life: a token that has been idle for longer is replaced before it is used. */
const freshShare = 0.7

/** One session at DSM: logs in once for all callers that wait, and again before an idle token expires. */
export class Session {
  readonly #options: SessionOptions
  readonly #closing = new AbortController()
  /** Callers share a login, which must outlive each of them; the audit stream names the call that began it. */
  readonly #logInOnce = singleFlight((login: SharedLogIn) => this.#logIn(login))
  #held: (SessionToken & { readonly tenantId: string; usedAtMs: number }) | undefined
  #rejected: { readonly digest: string; readonly untilMs: number; readonly error: PluginError } | undefined

  /** Touches no network. */
  constructor(options: SessionOptions) {
    this.#options = options
  }

  /** Fires with `CANCELLED` when the session closes. */
  get closing(): AbortSignal {
    return this.#closing.signal
  }

  /**
   * Returns the token in use; logs in when there is none.
   * @throws {PluginError} CREDENTIAL_REJECTED, and every failure of a request
   */
  async token(call: CallOptions): Promise<SessionToken> {
    if (this.#closing.signal.aborted) throw this.#closing.signal.reason
    const held = this.#held
    const nowMs = this.#options.services.clock.monotonicMs()
    if (held !== undefined && nowMs - held.usedAtMs < freshShare * held.idleLifeMs) {
      held.usedAtMs = nowMs
      return held
    }
    return abortable(this.#logInOnce({ insist: false, call }), call.signal)
  }

  /** Logs in now, whatever token there is, even with a credential that was rejected a moment ago. */
  async logIn(call: CallOptions): Promise<SessionToken> {
    const before = this.#held
    const next = await abortable(this.#logInOnce({ insist: true, call }), call.signal)
    // A call that still uses the previous token gets a 401 and continues with the new one.
    if (before !== undefined && before.authorization !== next.authorization) await this.#terminate(before)
    return next
  }

  /** Forgets a token that DSM no longer accepts, unless another has replaced it. */
  drop({ authorization }: SessionToken): void {
    if (this.#held?.authorization === authorization) this.#held = undefined
  }

  /** Cancels the calls in flight, and ends the session at DSM if DSM answers within 2 s. */
  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return
    const last = this.#held
    this.#held = undefined
    this.#closing.abort(pluginError("CANCELLED", "The keystore was closed.", "Open the keystore again."))
    if (last !== undefined) await this.#terminate(last)
  }

  async #logIn({ insist, call: first }: SharedLogIn): Promise<SessionToken> {
    const { requestTimeoutMs, services } = this.#options
    const { clock } = services
    const signal = this.#closing.signal
    const { purpose = "login" } = first
    const call = callOptions({ ...first, purpose, timeoutMs: 2 * requestTimeoutMs, signal, clock })
    try {
      const token = await this.#recorded(insist, call)
      if (!signal.aborted) this.#held = { ...token, tenantId: call.tenantId, usedAtMs: clock.monotonicMs() }
      return token
    } finally {
      call.dispose()
    }
  }

  #recorded(insist: boolean, call: CallOptions): Promise<SessionToken> {
    const { login, services } = this.#options
    const { audit, logger } = services
    const event = { action: "keystoreLogin", facts: { method: login.method } } as const
    const work = () => this.#authenticate(insist, call)
    // A credential on hold was recorded when DSM rejected it.
    const before = this.#rejected?.error
    const isRepeated = (error: unknown) => error === before
    return recordedLogin({ audit, logger, event, work, isRepeated, success: () => ({}) }, call)
  }

  async #authenticate(insist: boolean, call: CallOptions): Promise<SessionToken> {
    const { login, wire, services } = this.#options
    const { clock } = services
    const authorization = await login.authorization(call)
    const digest = createHash("sha256").update(authorization).digest("hex")
    const rejected = this.#rejected
    if (!insist && rejected?.digest === digest && clock.monotonicMs() < rejected.untilMs) throw rejected.error
    const answer = await wire.send({ method: "POST", path: "/sys/v1/session/auth" }, authorization, call)
    if (answer.status === 400 || answer.status === 401 || answer.status === 403) {
      const error = dsmError("loginRejected", answer)
      this.#rejected = { digest, untilMs: clock.monotonicMs() + rejectedHoldMs, error }
      throw error
    }
    const read = answerShape.safeParse(answer.json)
    if (!read.success) throw dsmError("notDsm", answer)
    this.#rejected = undefined
    const { access_token: token, expires_in: seconds } = read.data
    return { authorization: `Bearer ${token}`, idleLifeMs: seconds * 1000 }
  }

  async #terminate({ authorization, tenantId }: SessionToken & Pick<CallOptions, "tenantId">): Promise<void> {
    const { wire, services } = this.#options
    const deadline = withDeadline(undefined, terminateTimeoutMs, services.clock)
    try {
      const call = { tenantId, purpose: "login", signal: deadline.signal } as const
      await wire.send({ method: "POST", path: "/sys/v1/session/terminate" }, authorization, call)
    } catch (error) {
      services.logger.info("The session at DSM was not ended, and expires on its own", {
        code: isPluginError(error) ? error.code : "INTERNAL",
      })
    } finally {
      deadline.dispose()
    }
  }
}

interface SharedLogIn {
  /** Whether to try even a credential that was rejected a moment ago. */
  readonly insist: boolean
  /** The call that began the login. */
  readonly call: CallOptions
}
