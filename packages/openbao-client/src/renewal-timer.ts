import type { Clock, RandomSource } from "@apeiro-cmk/plugin-interface"

const shortestRetryMs = 1_000
const longestRetryMs = 30_000

/** Decides when a token is refreshed next. At most one refresh is planned at a time. */
export class RenewalTimer {
  readonly #clock: Clock
  readonly #random: RandomSource
  readonly #refresh: () => void
  #cancelTimer: (() => void) | undefined

  /** @param refresh - runs when the time has come; it must not throw */
  constructor(clock: Clock, random: RandomSource, refresh: () => void) {
    this.#clock = clock
    this.#random = random
    this.#refresh = refresh
  }

  /** Plans the refresh of a new token. @param lifeMs - its life in milliseconds; `undefined` when it never ends */
  planFor(lifeMs: number | undefined): void {
    // Between 60 and 80 % of the life, so that tokens issued at the same moment are not all renewed at the same moment.
    const share = 0.6 + (0.2 * (this.#random.bytes(1)[0] ?? 0)) / 255
    if (lifeMs === undefined) this.cancel()
    else this.#plan(lifeMs * share)
  }

  /** Plans another attempt after a failed refresh. @param leftMs - what is left of the token's life, in milliseconds */
  planRetry(leftMs: number): void {
    this.#plan(Math.min(longestRetryMs, Math.max(shortestRetryMs, leftMs / 4)))
  }

  /** Cancels the planned refresh, if there is one. */
  cancel(): void {
    this.#cancelTimer?.()
  }

  #plan(delayMs: number): void {
    this.cancel()
    this.#cancelTimer = this.#clock.after(delayMs, this.#refresh)
  }
}
