import { errorMeanings } from "@apeiro-cmk/key-hierarchy"
import {
  type Clock,
  type CodedError,
  type ErrorOrigin,
  isCodedError,
  isPluginErrorCode,
} from "@apeiro-cmk/plugin-interface"
import { TenantMemory } from "@apeiro-cmk/plugin-sdk"
import type { CallObserver } from "./caller/measurement-stage.ts"
import type { KeystoreTarget } from "./keystore-target.ts"

/** The last outcome of a keystore. It is kept in memory: after a start, nothing is known. */
export interface LastOutcome {
  readonly outcome: "success" | "failure"
  /** Code, origin and next step of the error, for a failure. */
  readonly code?: string
  readonly origin?: ErrorOrigin
  readonly nextStep?: string
  /** Duration of the call, in milliseconds. */
  readonly latencyMs: number
  /** When it ended: milliseconds since the Unix epoch. */
  readonly atMs: number
}

/**
 * Condition of a keystore, derived from its last outcomes: `failing` after a failure, and while a fault stands that the
 * success of other calls does not disprove; `warning` while it is slow, or for a
 * minute after a failure; `unknown` before the first call.
 */
export type KeystoreCondition = "healthy" | "warning" | "failing" | "unknown"

/** Weight of the newest success in the average: about the last twenty count. */
const newestWeight = 0.1
/** Average from which a keystore is slow: story 3's limit for an HSM. */
const slowFromMs = 45
/** How long after a failure a keystore that succeeds again is not called healthy. */
const doubtMs = 60_000

/** Most keystores of one tenant whose outcomes are kept; a forgotten one is `unknown` until its next call. */
const maximumPerTenant = 1_000

interface Seen {
  readonly last: LastOutcome
  readonly averageLatencyMs: number | undefined
  readonly failedAtMs: number
}

/** Keeps the last outcomes of the keystores, within bounds. */
export class HealthBoard implements CallObserver {
  readonly #clock: Clock
  readonly #seen = new TenantMemory<Seen>(maximumPerTenant)
  /** Faults that stand, by their names; the newest last. */
  readonly #standing = new TenantMemory<Map<string, LastOutcome>>(maximumPerTenant)

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Notes a call that succeeded. */
  noteSuccess(target: KeystoreTarget, latencyMs: number): void {
    const before = this.#get(target)
    const averageLatencyMs =
      before?.averageLatencyMs === undefined
        ? latencyMs
        : before.averageLatencyMs + newestWeight * (latencyMs - before.averageLatencyMs)
    const last = { outcome: "success", latencyMs, atMs: this.#clock.nowMs() } as const
    this.#set(target, { last, averageLatencyMs, failedAtMs: before?.failedAtMs ?? Number.NEGATIVE_INFINITY })
  }

  /** Notes a call that failed, unless its error says nothing about the keystore. */
  noteFailure(target: KeystoreTarget, latencyMs: number, error: unknown): void {
    const last = this.#failure(latencyMs, error)
    if (last === undefined) return
    this.#set(target, { last, averageLatencyMs: this.averageLatencyMs(target), failedAtMs: last.atMs })
  }

  /**
   * Notes that a fault stands, or no longer does. Until then it is the last outcome, whatever else succeeds.
   *
   * @param fault - names it within the keystore, e.g. the stored wrap that does not open
   * @param error - undefined once what failed has succeeded
   */
  noteStanding(target: KeystoreTarget, fault: string, error: CodedError | undefined): void {
    const { tenantId, keystoreId } = target
    const faults = this.#faults(target) ?? new Map<string, LastOutcome>()
    faults.delete(fault)
    const latencyMs = this.#get(target)?.last.latencyMs ?? 0
    const failure = error === undefined ? undefined : this.#failure(latencyMs, error)
    if (failure !== undefined) faults.set(fault, failure)
    if (faults.size > 0) this.#standing.set(tenantId, keystoreId, faults)
    else this.#standing.delete(tenantId, keystoreId)
    if (failure !== undefined) this.noteFailure(target, latencyMs, error)
  }

  /** Reads the last outcome: of the newest fault that stands, else of the last call; undefined before the first. */
  last(target: KeystoreTarget): LastOutcome | undefined {
    return [...(this.#faults(target)?.values() ?? [])].at(-1) ?? this.#get(target)?.last
  }

  /** Reads the average latency of successes, in milliseconds, with the last ones weighing most; undefined before the first. */
  averageLatencyMs(target: KeystoreTarget): number | undefined {
    return this.#get(target)?.averageLatencyMs
  }

  /** Derives the condition of a keystore. */
  condition(target: KeystoreTarget): KeystoreCondition {
    if (this.#faults(target) !== undefined) return "failing"
    const seen = this.#get(target)
    if (seen === undefined) return "unknown"
    if (seen.last.outcome === "failure") return "failing"
    const isSlow = (seen.averageLatencyMs ?? 0) >= slowFromMs
    return isSlow || this.#clock.nowMs() - seen.failedAtMs < doubtMs ? "warning" : "healthy"
  }

  /** Forgets a keystore that was removed. */
  forget({ tenantId, keystoreId }: KeystoreTarget): void {
    this.#seen.delete(tenantId, keystoreId)
    this.#standing.delete(tenantId, keystoreId)
  }

  #get({ tenantId, keystoreId }: KeystoreTarget): Seen | undefined {
    return this.#seen.get(tenantId, keystoreId)
  }

  #set({ tenantId, keystoreId }: KeystoreTarget, seen: Seen): void {
    this.#seen.set(tenantId, keystoreId, seen)
  }

  #faults({ tenantId, keystoreId }: KeystoreTarget): Map<string, LastOutcome> | undefined {
    return this.#standing.get(tenantId, keystoreId)
  }

  /** @returns undefined for an error that says nothing about the keystore */
  #failure(latencyMs: number, error: unknown): LastOutcome | undefined {
    const facts = isCodedError(error)
      ? { code: error.code, origin: error.origin, nextStep: error.nextStep }
      : { code: "INTERNAL", origin: "plugin" as const }
    if (!counts(facts.code, facts.origin)) return undefined
    return { outcome: "failure", ...facts, latencyMs, atMs: this.#clock.nowMs() }
  }
}

/** A fault of the caller or of this host says nothing about the keystore, whatever its code. */
function counts(code: string, origin: ErrorOrigin): boolean {
  if (origin === "caller" || origin === "host") return false
  return !isPluginErrorCode(code) || errorMeanings[code].health === "counts"
}
