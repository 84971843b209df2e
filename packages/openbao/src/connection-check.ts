import type { CallOptions, Clock, ConnectionStep, KeystoreV1, RandomSource } from "@apeiro-cmk/plugin-interface"
import type { KeyPlace } from "./key-facts.ts"

/** What the steps of a connection test look at. */
export interface ConnectionTest {
  readonly keystore: KeystoreV1
  readonly place: KeyPlace
  readonly clock: Clock
  readonly random: RandomSource
}

/** What one check saw; the step's name and duration come from around it. */
export type CheckResult = Pick<ConnectionStep, "outcome" | "message" | "nextStep" | "code" | "facts">

/** One check. A rejection becomes a failed step. */
export type Check = (test: ConnectionTest, call: CallOptions) => Promise<CheckResult>
