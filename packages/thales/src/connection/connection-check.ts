import type { CallOptions, EgressPolicy, KeystoreV1, PluginServices } from "@apeiro-cmk/plugin-interface"
import type { ConnectionCheck } from "@apeiro-cmk/plugin-sdk"
import type { Appliances } from "../appliances.ts"
import type { ClientCertificateFacts } from "../session/luna-client.ts"

/** Everything that the steps of a connection test work with. */
export interface ConnectionTest {
  readonly token: Appliances
  readonly keystore: KeystoreV1
  readonly keyLabel: string
  readonly slotId: number | undefined
  /** FIPS level as the operator states it; the token does not report one. */
  readonly fipsLevel: string | undefined
  /** How to reach the appliances' port; absent where the operator has configured none. */
  readonly network:
    | { readonly port: number; readonly egress: EgressPolicy; readonly tcp: PluginServices["tcp"] }
    | undefined
  /** Checks the tenant's client certificate; absent where the plugin hands none to the library. */
  readonly checkClient: ((call: CallOptions) => Promise<ClientCertificateFacts>) | undefined
  /** Limits for the median of ten operations, in milliseconds. */
  readonly latencyLimits: { readonly warnMs: number; readonly failMs: number }
  readonly services: Pick<PluginServices, "clock" | "random">
}

/** One step of the test; a rejection is its failure. */
export type Check = ConnectionCheck<ConnectionTest>
