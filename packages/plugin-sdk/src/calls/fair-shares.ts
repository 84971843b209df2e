import type { Clock, PluginError } from "@apeiro-cmk/plugin-interface"
import { abortReason } from "./deadline.ts"

/** Options of {@link FairShares}. */
export interface FairSharesOptions {
  /** Permits in all. */
  readonly capacity: number
  /** Most permits that one tenant holds at once, where half of what the others leave is more. */
  readonly mostPerTenant?: number
  /** Most callers of one tenant that wait at once. */
  readonly mostWaitingPerTenant: number
  /** Longest wait for a permit, in milliseconds. */
  readonly longestWaitMs: number
  readonly clock: Clock
  /** Makes the error of a caller that waited too long, or that may not wait any more. */
  readonly exhausted: () => PluginError
}

interface Waiter {
  readonly admit: () => void
}

/**
 * Shares permits between tenants. A tenant holds at most half of what the others leave (of 16: 8, then 4, 2, 1, 1), and
 * one where any is left, so that no tenant alone can keep a newcomer out. Those who wait are served in turn, by tenant.
 */
export class FairShares {
  readonly #options: FairSharesOptions
  readonly #held = new Map<string, number>()
  /** The order of the tenants is the order in which they are served. */
  readonly #waiting = new Map<string, Set<Waiter>>()
  #total = 0

  constructor(options: FairSharesOptions) {
    this.#options = options
  }

  /** Tells whether nobody holds a permit or waits for one. */
  get isIdle(): boolean {
    return this.#total === 0 && this.#waiting.size === 0
  }

  /**
   * Waits for a permit.
   *
   * @returns a function that gives it back; calling it twice is harmless
   * @throws {PluginError} what `exhausted` makes, or the reason of the signal
   */
  async take(tenantId: string, signal: AbortSignal | undefined): Promise<() => void> {
    if (signal?.aborted) throw abortReason(signal)
    if (this.#waiting.has(tenantId) || !this.#mayTake(tenantId)) await this.#wait(tenantId, signal)
    else this.#count(tenantId, 1)
    let isHeld = true
    return () => {
      if (!isHeld) return
      isHeld = false
      this.#count(tenantId, -1)
      this.#admitWaiters()
    }
  }

  #mayTake(tenantId: string): boolean {
    const { capacity, mostPerTenant = capacity } = this.#options
    const own = this.#held.get(tenantId) ?? 0
    const half = Math.max(1, Math.floor((capacity - (this.#total - own)) / 2))
    return this.#total < capacity && own < Math.min(half, mostPerTenant)
  }

  #count(tenantId: string, change: 1 | -1): void {
    const held = (this.#held.get(tenantId) ?? 0) + change
    this.#total += change
    if (held === 0) this.#held.delete(tenantId)
    else this.#held.set(tenantId, held)
  }

  #wait(tenantId: string, signal: AbortSignal | undefined): Promise<void> {
    const { mostWaitingPerTenant, longestWaitMs, clock, exhausted } = this.#options
    const queue = this.#waiting.get(tenantId) ?? new Set()
    if (queue.size >= mostWaitingPerTenant) throw exhausted()
    this.#waiting.set(tenantId, queue)
    return new Promise((resolve, reject) => {
      const end = (settle: () => void) => {
        cancelTimer()
        signal?.removeEventListener("abort", onAbort)
        queue.delete(waiter)
        if (queue.size === 0) this.#waiting.delete(tenantId)
        settle()
      }
      const waiter = { admit: () => end(resolve) }
      const onAbort = () => end(() => reject(signal === undefined ? exhausted() : abortReason(signal)))
      const cancelTimer = clock.after(longestWaitMs, () => end(() => reject(exhausted())))
      signal?.addEventListener("abort", onAbort, { once: true })
      queue.add(waiter)
    })
  }

  #admitWaiters(): void {
    const next = [...this.#waiting].find(([tenantId]) => this.#mayTake(tenantId))
    const [tenantId, queue] = next ?? []
    const [first] = queue ?? []
    if (tenantId === undefined || queue === undefined || first === undefined) return
    this.#count(tenantId, 1)
    // To the end of the line.
    this.#waiting.delete(tenantId)
    this.#waiting.set(tenantId, queue)
    first.admit()
    this.#admitWaiters()
  }
}
