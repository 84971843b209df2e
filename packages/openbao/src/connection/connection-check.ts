import type { Clock, KeystoreV1, RandomSource } from "@apeiro-cmk/plugin-interface"
import type { ConnectionCheck } from "@apeiro-cmk/plugin-sdk"
import type { KeyPlace } from "../keys/key-facts.ts"

/** What the steps of a connection test look at. */
export interface ConnectionTest {
  readonly keystore: KeystoreV1
  readonly place: KeyPlace
  readonly clock: Clock
  readonly random: RandomSource
}

/** One step; what it rejects with is its failure. */
export type Check = ConnectionCheck<ConnectionTest>
