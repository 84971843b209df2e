import { type Clock, type ErrorOrigin, isCodedError } from "@apeiro-cmk/plugin-interface"

/** Which keystore of which tenant. */
export interface KeystoreTarget {
  readonly tenantId: string
  readonly keystoreId: string
}

/** The last thing that is known about a keystore. It is kept in memory: after a start, nothing is known. */
export interface LastOutcome {
  readonly outcome: "success" | "failure"
  /** Code, origin and next step of the error, for a failure. */
  readonly code?: string
  readonly origin?: ErrorOrigin
  readonly nextStep?: string
  /** How long that call took. */
  readonly latencyMs: number
  /** When it ended: milliseconds since the Unix epoch. */
  readonly atMs: number
}

/**
 * How a keystore is, out of its last outcomes: `failing` after a failure; `warning` while it is slow, or has failed within
 * the last minute; `unknown` before the first call.
 */
export type KeystoreCondition = "healthy" | "warning" | "failing" | "unknown"

/** Last outcomes, by keystore. */
export interface HealthBoard {
  noteSuccess(target: KeystoreTarget, latencyMs: number): void
  noteFailure(target: KeystoreTarget, latencyMs: number, error: unknown): void
  last(target: KeystoreTarget): LastOutcome | undefined
  /** Of the successes, the last ones weighing most; `undefined` before the first. */
  averageLatencyMs(target: KeystoreTarget): number | undefined
  condition(target: KeystoreTarget): KeystoreCondition
  forget(target: KeystoreTarget): void
}

/** They tell about the request, whatever their origin. */
const saysNothing = new Set(["CANCELLED", "INVALID_REQUEST", "CIPHERTEXT_REJECTED", "UNSUPPORTED"])

/** Weight of the newest success in the average: about the last twenty count. */
const newestWeight = 0.1
/** From this average on a keystore is slow: story 3's limit for an HSM. */
const slowFromMs = 45
/** For so long after a failure a keystore that succeeds again is not called healthy. */
const doubtMs = 60_000

interface Seen {
  readonly last: LastOutcome
  readonly averageLatencyMs: number | undefined
  readonly failedAtMs: number
}

export function createHealthBoard(clock: Clock): HealthBoard {
  const board = new Map<string, Seen>()
  return {
    noteSuccess(target, latencyMs) {
      const before = board.get(nameOf(target))
      const averageLatencyMs =
        before?.averageLatencyMs === undefined
          ? latencyMs
          : before.averageLatencyMs + newestWeight * (latencyMs - before.averageLatencyMs)
      const last = { outcome: "success", latencyMs, atMs: clock.nowMs() } as const
      board.set(nameOf(target), { last, averageLatencyMs, failedAtMs: before?.failedAtMs ?? Number.NEGATIVE_INFINITY })
    },
    noteFailure(target, latencyMs, error) {
      const facts = isCodedError(error)
        ? { code: error.code, origin: error.origin, nextStep: error.nextStep }
        : { code: "INTERNAL", origin: "plugin" as const }
      // Nor does a fault of the caller or of this host tell anything about the keystore.
      if (saysNothing.has(facts.code) || facts.origin === "caller" || facts.origin === "host") return
      const last = { outcome: "failure", ...facts, latencyMs, atMs: clock.nowMs() } as const
      const averageLatencyMs = board.get(nameOf(target))?.averageLatencyMs
      board.set(nameOf(target), { last, averageLatencyMs, failedAtMs: clock.nowMs() })
    },
    last: (target) => board.get(nameOf(target))?.last,
    averageLatencyMs: (target) => board.get(nameOf(target))?.averageLatencyMs,
    condition(target) {
      const seen = board.get(nameOf(target))
      if (seen === undefined) return "unknown"
      if (seen.last.outcome === "failure") return "failing"
      const isSlow = (seen.averageLatencyMs ?? 0) >= slowFromMs
      return isSlow || clock.nowMs() - seen.failedAtMs < doubtMs ? "warning" : "healthy"
    },
    forget(target) {
      board.delete(nameOf(target))
    },
  }
}

/** One text for a keystore of a tenant; neither id can hold a slash. */
export function nameOf({ tenantId, keystoreId }: KeystoreTarget): string {
  return `${tenantId}/${keystoreId}`
}
