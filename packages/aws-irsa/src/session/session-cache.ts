import type { CallOptions, Clock } from "@apeiro-cmk/plugin-interface"
import { abortable, callOptions } from "@apeiro-cmk/plugin-sdk"
import type { AwsSession, OpenSession } from "./session.ts"

/** A session is renewed when this much of its life is left. */
const renewalShare = 0.25

/** And it is not used in its last moments, when a request could arrive after its end. */
const unusableMs = 10_000

/** Longest time for one exchange, in milliseconds: it outlives the call that began it, since others wait for it, too. */
const exchangeTimeoutMs = 10_000

/** After a failed renewal the next is tried no sooner, in milliseconds. */
const retryPauseMs = 5_000

interface Held {
  readonly session: AwsSession
  readonly renewAtMs: number
  readonly endsAtMs: number
}

/** Holds one session: opened once for all who wait, renewed before it ends while it is still used. */
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

  /** @throws {PluginError} of the exchange, or the reason of the call's signal */
  async get(call: CallOptions): Promise<AwsSession> {
    const nowMs = this.#clock.monotonicMs()
    const held = this.#held
    if (held === undefined || nowMs >= held.endsAtMs) return abortable(this.#openOnce(call.tenantId), call.signal)
    if (nowMs >= held.renewAtMs && nowMs >= this.#nextRenewalMs) this.#renew(call.tenantId)
    return held.session
  }

  /** Opens a session now, whatever there is. */
  async openNow(call: CallOptions): Promise<AwsSession> {
    return abortable(this.#openOnce(call.tenantId), call.signal)
  }

  /** Forgets a session that AWS does not accept any more; one that came after it stays. */
  drop(session: AwsSession): void {
    if (this.#held?.session === session) this.#held = undefined
  }

  close(): void {
    this.#closing.abort()
    this.#held = undefined
  }

  /** The old session serves on while this goes on, and after it has failed. */
  #renew(tenantId: string): void {
    this.#nextRenewalMs = this.#clock.monotonicMs() + retryPauseMs
    this.#openOnce(tenantId).catch(() => undefined) // recorded by the exchange; the session in hand still holds
  }

  #openOnce(tenantId: string): Promise<AwsSession> {
    this.#opening ??= this.#exchange(tenantId).finally(() => {
      this.#opening = undefined
    })
    return this.#opening
  }

  async #exchange(tenantId: string): Promise<AwsSession> {
    const signal = this.#closing.signal
    const call = callOptions({ tenantId, timeoutMs: exchangeTimeoutMs, signal, clock: this.#clock })
    try {
      const session = await this.#open(call)
      const lifeMs = session.expiresAtMs - this.#clock.nowMs()
      const nowMs = this.#clock.monotonicMs()
      this.#held = {
        session,
        renewAtMs: nowMs + lifeMs * (1 - renewalShare),
        endsAtMs: nowMs + lifeMs - Math.min(unusableMs, lifeMs / 10),
      }
      return session
    } finally {
      call.dispose()
    }
  }
}
