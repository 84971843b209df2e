import type { Clock } from "@apeiro-cmk/plugin-interface"
import { tooManyRequests } from "./too-many-requests.ts"

/** How far the work of a line may be ahead of what has been paid, in milliseconds. */
const burstMs = 25
/** Longest wait for a turn, and longest debt, in milliseconds. */
const longestWaitMs = 2000

/**
 * Work of one owner, which begins at the pace at which the owner's share pays for it, and in its order. The rule is the
 * generic cell rate algorithm (ITU-T I.371).
 */
export class WorkLine {
  readonly #clock: Clock
  readonly #waiting = new Set<() => void>()
  /** When the share has paid for everything that has begun. */
  #paidAtMs = Number.NEGATIVE_INFINITY
  #isTimed = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Tells whether some work waits for its turn. */
  isBehind(): boolean {
    return this.#waiting.size > 0
  }

  /** Tells whether nothing waits, and everything that has begun is paid. */
  isSettled(): boolean {
    return !this.isBehind() && !this.wasUsedWithin(0)
  }

  /**
   * Waits until work may begin.
   * @returns whether it had to wait
   * @throws {HttpApiError} TOO_MANY_REQUESTS - it may not within two seconds
   */
  async turn(): Promise<boolean> {
    const mustWait = this.isBehind() || !this.#isDue()
    if (mustWait) await this.#wait()
    return mustWait
  }

  /** Notes what work that begins now costs. @param costMs - time in which the share pays for it, in milliseconds */
  pay(costMs: number): void {
    const nowMs = this.#clock.monotonicMs()
    this.#paidAtMs = Math.min(Math.max(this.#paidAtMs, nowMs) + costMs, nowMs + longestWaitMs)
  }

  /** Tells whether some work has begun, or was still being paid, within a time before now, in milliseconds. */
  wasUsedWithin(timeMs: number): boolean {
    return this.#paidAtMs > this.#clock.monotonicMs() - timeMs
  }

  #isDue(): boolean {
    return this.#paidAtMs <= this.#clock.monotonicMs() + burstMs
  }

  #wait(): Promise<void> {
    return new Promise((resolve, reject) => {
      const begin = () => {
        cancel()
        this.#waiting.delete(begin)
        resolve()
      }
      const cancel = this.#clock.after(longestWaitMs, () => {
        this.#waiting.delete(begin)
        reject(
          tooManyRequests(
            "The requests of this tenant need more than its share of the host's time.",
            "Send fewer at a time, and this one again a little later.",
          ),
        )
      })
      this.#waiting.add(begin)
      this.#schedule()
    })
  }

  #schedule(): void {
    if (this.#isTimed) return
    this.#isTimed = true
    const dueInMs = this.#paidAtMs - burstMs - this.#clock.monotonicMs()
    this.#clock.after(Math.max(1, Math.ceil(dueInMs)), () => {
      this.#isTimed = false
      const [next] = this.#waiting
      if (next === undefined) return
      if (this.#isDue()) next()
      if (this.isBehind()) this.#schedule()
    })
  }
}
