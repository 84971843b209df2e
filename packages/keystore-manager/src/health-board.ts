import { errorMeanings } from "@apeiro-cmk/key-hierarchy"
import { type Clock, type ErrorOrigin, isCodedError, isPluginErrorCode } from "@apeiro-cmk/plugin-interface"
import type { CallObserver } from "./caller/measurement-stage.ts"
import { type KeystoreTarget, nameOf } from "./keystore-target.ts"

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
 * Condition of a keystore, derived from its last outcomes: `failing` after a failure; `warning` while it is slow, or for a
 * minute after a failure; `unknown` before the first call.
 */
export type KeystoreCondition = "healthy" | "warning" | "failing" | "unknown"

/** Weight of the newest success in the average: about the last twenty count. */
const newestWeight = 0.1
/** Average from which a keystore is slow: story 3's limit for an HSM. */
const slowFromMs = 45
/** How long after a failure a keystore that succeeds again is not called healthy. */
const doubtMs = 60_000

interface Seen {
  readonly last: LastOutcome
  readonly averageLatencyMs: number | undefined
  readonly failedAtMs: number
}

/** Keeps the last outcomes of all keystores. */
export class HealthBoard implements CallObserver {
  readonly #clock: Clock
  readonly #seen = new Map<string, Seen>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Notes a call that succeeded. */
  noteSuccess(target: KeystoreTarget, latencyMs: number): void {
    const name = nameOf(target)
    const before = this.#seen.get(name)
    const averageLatencyMs =
      before?.averageLatencyMs === undefined
        ? latencyMs
        : before.averageLatencyMs + newestWeight * (latencyMs - before.averageLatencyMs)
    const last = { outcome: "success", latencyMs, atMs: this.#clock.nowMs() } as const
    this.#seen.set(name, { last, averageLatencyMs, failedAtMs: before?.failedAtMs ?? Number.NEGATIVE_INFINITY })
  }

  /** Notes a call that failed, unless its error says nothing about the keystore. */
  noteFailure(target: KeystoreTarget, latencyMs: number, error: unknown): void {
    const facts = isCodedError(error)
      ? { code: error.code, origin: error.origin, nextStep: error.nextStep }
      : { code: "INTERNAL", origin: "plugin" as const }
    if (!counts(facts.code, facts.origin)) return
    const atMs = this.#clock.nowMs()
    const last = { outcome: "failure", ...facts, latencyMs, atMs } as const
    this.#seen.set(nameOf(target), { last, averageLatencyMs: this.averageLatencyMs(target), failedAtMs: atMs })
  }

  /** Reads the last outcome; undefined before the first. */
  last(target: KeystoreTarget): LastOutcome | undefined {
    return this.#seen.get(nameOf(target))?.last
  }

  /** Reads the average latency of successes, in milliseconds, with the last ones weighing most; undefined before the first. */
  averageLatencyMs(target: KeystoreTarget): number | undefined {
    return this.#seen.get(nameOf(target))?.averageLatencyMs
  }

  /** Derives the condition of a keystore. */
  condition(target: KeystoreTarget): KeystoreCondition {
    const seen = this.#seen.get(nameOf(target))
    if (seen === undefined) return "unknown"
    if (seen.last.outcome === "failure") return "failing"
    const isSlow = (seen.averageLatencyMs ?? 0) >= slowFromMs
    return isSlow || this.#clock.nowMs() - seen.failedAtMs < doubtMs ? "warning" : "healthy"
  }

  /** Forgets a keystore that was removed. */
  forget(target: KeystoreTarget): void {
    this.#seen.delete(nameOf(target))
  }
}

/** A fault of the caller or of this host says nothing about the keystore, whatever its code. */
function counts(code: string, origin: ErrorOrigin): boolean {
  if (origin === "caller" || origin === "host") return false
  return !isPluginErrorCode(code) || errorMeanings[code].health === "counts"
}
