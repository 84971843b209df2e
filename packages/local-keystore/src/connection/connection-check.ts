import type { Clock, KeystoreV1 } from "@apeiro-cmk/plugin-interface"
import type { ConnectionCheck } from "@apeiro-cmk/plugin-sdk"

/** Everything that the steps of a connection test work with. */
export interface ConnectionTest {
  readonly keystore: Pick<KeystoreV1, "defaultKey" | "describeKey" | "probe">
  /** Checks that the key file is unchanged and protected. */
  readonly checkFile: () => Promise<void>
  readonly clock: Clock
}

/** One step of the test; a rejection is its failure. */
export type Check = ConnectionCheck<ConnectionTest>
