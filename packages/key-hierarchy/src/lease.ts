import type { KeyObject } from "node:crypto"
import { type Clock, PluginError } from "@apeiro-cmk/plugin-interface"
import type { TenantKeyName } from "./commitment.ts"
import type { KeyLifecycleState } from "./records.ts"

/** Share of a lease after which it is renewed in the background. */
const refreshAheadAt = 0.6

/**
 * Computes how often one host renews a lease within an hour while it is in constant use.
 * @param leaseMs - length of the lease
 */
export function renewalsPerHour(leaseMs: number): number {
  return 3_600_000 / (refreshAheadAt * leaseMs)
}

/** Pause between two failed renewals of a running lease, as a share of the lease. */
const retryPause = 0.05

/** A moment on both clocks. */
interface Moment {
  readonly wallMs: number
  readonly monotonicMs: number
}

/** Reads both clocks. */
export function momentOf(clock: Clock): Moment {
  return { wallMs: clock.nowMs(), monotonicMs: clock.monotonicMs() }
}

/** Terms of a lease. */
interface LeaseTerms {
  readonly name: TenantKeyName
  readonly state: KeyLifecycleState
  readonly leaseMs: number
  /** When L1 was asked. The lease runs from there, however long the answer took. */
  readonly startedAt: Moment
}

/**
 * Holds a tenant key in memory for a limited time.
 *
 * It ends when either clock has advanced by its length: a wall clock that jumps ahead ends it, and one that is set back
 * does not lengthen it. Keys that were opened under it end with it.
 */
export class Lease {
  readonly terms: LeaseTerms
  readonly #clock: Clock
  readonly #dependants = new Set<() => void>()
  readonly #cancelTimer: () => void
  #key: KeyObject | undefined
  #renewNotBeforeMs = 0

  /** @param key - the tenant key; the lease is now its only holder */
  constructor(terms: LeaseTerms, key: KeyObject, clock: Clock) {
    this.terms = terms
    this.#clock = clock
    this.#key = key
    this.#cancelTimer = clock.after(Math.max(0, terms.leaseMs - this.#ageMs()), () => this.end())
  }

  /** Tells the phase. `ended`: the key may no longer be used. `due`: it may, and its renewal should start. */
  phase(): "running" | "due" | "ended" {
    const ageMs = this.#ageMs()
    if (this.#key === undefined || ageMs >= this.terms.leaseMs) return "ended"
    if (ageMs < this.terms.leaseMs * refreshAheadAt) return "running"
    return this.#clock.monotonicMs() >= this.#renewNotBeforeMs ? "due" : "running"
  }

  /** Notes that a renewal failed and leaves the lease running: the next one waits for 5 % of it. */
  pauseRenewal(): void {
    this.#renewNotBeforeMs = this.#clock.monotonicMs() + this.terms.leaseMs * retryPause
  }

  /**
   * Hands out the tenant key, for use now and not after the next `await`.
   *
   * @throws {PluginError} TIMED_OUT - the lease has ended
   */
  use(): KeyObject {
    if (this.#key === undefined || this.phase() === "ended") throw leaseEnded()
    return this.#key
  }

  /** Calls back when the lease ends, or at once if it has ended. */
  onEnd(release: () => void): void {
    if (this.#key === undefined) release()
    else this.#dependants.add(release)
  }

  /** Drops the key and every key under it. Idempotent. */
  end(): void {
    this.#cancelTimer()
    this.#key = undefined
    const dependants = [...this.#dependants]
    this.#dependants.clear()
    for (const release of dependants) release()
  }

  #ageMs(): number {
    const { wallMs, monotonicMs } = this.terms.startedAt
    return Math.max(this.#clock.nowMs() - wallMs, this.#clock.monotonicMs() - monotonicMs)
  }
}

/** Makes the error for a lease that ended before its key could be used. */
export function leaseEnded(): PluginError {
  return new PluginError("TIMED_OUT", "The lease of the tenant key ended before its renewal took effect.", {
    origin: "backend",
    retryable: true,
    nextStep: "Try again; if it recurs, lengthen the tenant's lease or check the latency of its keystore.",
  })
}
