import type { Clock, KeystoreV1, RandomSource } from "@apeiro-cmk/plugin-interface"
import type { ConnectionCheck } from "@apeiro-cmk/plugin-sdk"
import type { KeyPlace } from "../keys/key-facts.ts"

/** Subject and tools of a connection test. */
export interface ConnectionTest {
  readonly keystore: KeystoreV1
  readonly place: KeyPlace
  readonly clock: Clock
  readonly random: RandomSource
}

/** One step. A rejection is its failure. */
export type Check = ConnectionCheck<ConnectionTest>
