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

/** Last outcomes, by keystore. */
export interface HealthBoard {
  noteSuccess(target: KeystoreTarget, latencyMs: number): void
  noteFailure(target: KeystoreTarget, latencyMs: number, error: unknown): void
  last(target: KeystoreTarget): LastOutcome | undefined
  forget(target: KeystoreTarget): void
}

/** They tell about the request, whatever their origin. */
const saysNothing = new Set(["CANCELLED", "INVALID_REQUEST", "CIPHERTEXT_REJECTED", "UNSUPPORTED"])

export function createHealthBoard(clock: Clock): HealthBoard {
  const outcomes = new Map<string, LastOutcome>()
  return {
    noteSuccess(target, latencyMs) {
      outcomes.set(nameOf(target), { outcome: "success", latencyMs, atMs: clock.nowMs() })
    },
    noteFailure(target, latencyMs, error) {
      const facts = isCodedError(error)
        ? { code: error.code, origin: error.origin, nextStep: error.nextStep }
        : { code: "INTERNAL", origin: "plugin" as const }
      // Nor does a fault of the caller or of this host tell anything about the keystore.
      if (saysNothing.has(facts.code) || facts.origin === "caller" || facts.origin === "host") return
      outcomes.set(nameOf(target), { outcome: "failure", ...facts, latencyMs, atMs: clock.nowMs() })
    },
    last: (target) => outcomes.get(nameOf(target)),
    forget(target) {
      outcomes.delete(nameOf(target))
    },
  }
}

/** One text for a keystore of a tenant; neither id can hold a slash. */
export function nameOf({ tenantId, keystoreId }: KeystoreTarget): string {
  return `${tenantId}/${keystoreId}`
}
