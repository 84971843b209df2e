import type { CallOptions, Clock } from "@apeiro-cmk/plugin-interface"
import { abortable, withDeadline } from "@apeiro-cmk/plugin-sdk"
import type { AwsSession, OpenSession } from "./session.ts"

/** Remaining share of its life at which a session is renewed. */
const renewalShare = 0.25

/** A session is not used in its last moments, in milliseconds: a request could arrive after its end. */
const unusableMs = 10_000

/** Longest time for one exchange, in milliseconds. It outlives the call that started it, because others wait too. */
const exchangeTimeoutMs = 10_000

/** Shortest pause between two renewals, in milliseconds. */
const retryPauseMs = 5_000

interface Held {
  readonly session: AwsSession
  readonly renewAtMs: number
  readonly endsAtMs: number
}

/** Holds one session: opens it once for all waiting callers, and renews it before it ends while it is still in use. */
export class SessionCache {
  readonly #open: OpenSession
  readonly #clock: Clock
  readonly #closing = new AbortController()
  #held: Held | undefined
  #opening: Promise<AwsSession> | undefined
  #nextRenewalMs = 0

  constructor(open: OpenSession, clock: Clock) {
    this.#open = open
    this.#clock = clock
  }

  /** Returns a valid session. @throws {PluginError} the error of the exchange, or the reason of the call's signal */
  async get(call: CallOptions): Promise<AwsSession> {
    const nowMs = this.#clock.monotonicMs()
    const held = this.#held
    if (held === undefined || nowMs >= held.endsAtMs) return abortable(this.#openOnce(call), call.signal)
    if (nowMs >= held.renewAtMs && nowMs >= this.#nextRenewalMs) this.#renew(call)
    return held.session
  }

  /** Opens a new session now. @throws {PluginError} as `get` */
  async openNow(call: CallOptions): Promise<AwsSession> {
    return abortable(this.#openOnce(call), call.signal)
  }

  /** Forgets a session that AWS no longer accepts; a newer session stays. */
  drop(session: AwsSession): void {
    if (this.#held?.session === session) this.#held = undefined
  }

  close(): void {
    this.#closing.abort()
    this.#held = undefined
  }

  /** The old session stays in use during the renewal, and after a failed renewal. */
  #renew(call: CallOptions): void {
    this.#nextRenewalMs = this.#clock.monotonicMs() + retryPauseMs
    this.#openOnce(call).catch(() => undefined) // the exchange records it; the current session is still valid
  }

  #openOnce(call: CallOptions): Promise<AwsSession> {
    this.#opening ??= this.#exchange(call).finally(() => {
      this.#opening = undefined
    })
    return this.#opening
  }

  /** Keeps the request and keystore of the call that caused it, but neither its deadline nor its signal. */
  async #exchange(cause: CallOptions): Promise<AwsSession> {
    const deadline = withDeadline(this.#closing.signal, exchangeTimeoutMs, this.#clock)
    try {
      const { purpose = "login" } = cause
      const session = await this.#open({ ...cause, purpose, signal: deadline.signal, deadlineMs: deadline.deadlineMs })
      const lifeMs = session.expiresAtMs - this.#clock.nowMs()
      const nowMs = this.#clock.monotonicMs()
      this.#held = {
        session,
        renewAtMs: nowMs + lifeMs * (1 - renewalShare),
        endsAtMs: nowMs + lifeMs - Math.min(unusableMs, lifeMs / 10),
      }
      return session
    } finally {
      deadline.dispose()
    }
  }
}
