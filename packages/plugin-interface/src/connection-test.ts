import type { JsonValue } from "./json.ts"

/** Outcome of one step of a connection test. */
export type ConnectionStepOutcome = "passed" | "warned" | "failed" | "skipped"

/** One named step of a connection test, reported when it has ended. */
export interface ConnectionStep {
  /** Stable machine name, e.g. `authentication`, `key_access`. */
  readonly name: string
  readonly outcome: ConnectionStepOutcome
  readonly durationMs: number
  /** One sentence about what was seen, without secrets. */
  readonly message: string
  /** The next step of a human, for `warned` and `failed`. */
  readonly nextStep?: string
  /** Code of the error, for `failed`. */
  readonly code?: string
  /** Fields for the activation answer, declared in the manifest's `activationFacts`; each states what was seen. */
  readonly facts?: Readonly<Record<string, JsonValue>>
}
