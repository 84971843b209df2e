import type { KeyObject } from "node:crypto"
import { type Clock, PluginError } from "@apeiro-cmk/plugin-interface"
import type { TenantKeyName } from "./commitment.ts"
import type { KeyLifecycleState } from "./records.ts"

/** Part of a lease after which it is renewed in the background. */
const refreshAheadAt = 0.6

/** How often a lease that is in use all the time is renewed within an hour, by one host. @param leaseMs - its length */
export function renewalsPerHour(leaseMs: number): number {
  return 3_600_000 / (refreshAheadAt * leaseMs)
}
/** Pause between two failed renewals of a running lease, as a part of the lease. */
const retryPause = 0.05

/** A moment, on both clocks. */
interface Moment {
  readonly wallMs: number
  readonly monotonicMs: number
}

/** Reads both clocks. */
export function momentOf(clock: Clock): Moment {
  return { wallMs: clock.nowMs(), monotonicMs: clock.monotonicMs() }
}

/** What a lease is granted on. */
interface LeaseTerms {
  readonly name: TenantKeyName
  readonly state: KeyLifecycleState
  readonly leaseMs: number
  /** When L1 was asked: the lease runs from there, whatever time the answer took. */
  readonly startedAt: Moment
}

/**
 * A tenant key in memory, and the right to use it for a while.
 *
 * It ends when either clock has advanced by its length: a wall clock that jumps ahead ends it, one that is set back does
 * not lengthen it. Keys that were opened under it end with it.
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

  /** `ended`: the key may not be used any more. `due`: it may, and the time has come to renew it in the background. */
  phase(): "running" | "due" | "ended" {
    const ageMs = this.#ageMs()
    if (this.#key === undefined || ageMs >= this.terms.leaseMs) return "ended"
    if (ageMs < this.terms.leaseMs * refreshAheadAt) return "running"
    return this.#clock.monotonicMs() >= this.#renewNotBeforeMs ? "due" : "running"
  }

  /** Takes note that a renewal failed in a way that leaves the lease running. */
  pauseRenewal(): void {
    this.#renewNotBeforeMs = this.#clock.monotonicMs() + this.terms.leaseMs * retryPause
  }

  /**
   * @returns the tenant key, for use now and not after the next `await`
   * @throws {PluginError} TIMED_OUT - the lease has ended
   */
  use(): KeyObject {
    if (this.#key === undefined || this.phase() === "ended") throw leaseEnded()
    return this.#key
  }

  /** Calls back when the lease ends; at once if it has ended. */
  onEnd(release: () => void): void {
    if (this.#key === undefined) release()
    else this.#dependants.add(release)
  }

  /** Gives the key up, and every key under it. Idempotent. */
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

/** The error for a lease that ended before its key could be used. */
export function leaseEnded(): PluginError {
  return new PluginError("TIMED_OUT", "The lease of the tenant key ended before its renewal took effect.", {
    origin: "backend",
    retryable: true,
    nextStep: "Call again; if it repeats, lengthen the tenant's lease or look at the latency of its keystore.",
  })
}
