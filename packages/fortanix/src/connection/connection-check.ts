import type { KeystoreV1, PluginServices } from "@apeiro-cmk/plugin-interface"
import type { ConnectionCheck } from "@apeiro-cmk/plugin-sdk"
import type { DsmAccount } from "../account.ts"
import type { DsmClient } from "../client.ts"
import type { GroupKeys } from "../keys/group-keys.ts"

/** Everything that the steps of a connection test work with. */
export interface ConnectionTest {
  readonly keystore: KeystoreV1
  readonly client: DsmClient
  readonly account: DsmAccount
  readonly keys: GroupKeys
  readonly services: Pick<PluginServices, "clock" | "random">
}

/** One step of the test; a rejection is its failure. */
export type Check = ConnectionCheck<ConnectionTest>
