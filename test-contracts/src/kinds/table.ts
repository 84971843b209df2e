import type { PluginKind } from "@apeiro-cmk/plugin-interface"
import { certificateIssuerContract } from "./certificate-issuer/kind.ts"
import { identityContract } from "./identity/kind.ts"
import { keystoreContractKind } from "./keystore/kind.ts"
import type { CommonOptions, ContractKind } from "./kind.ts"
import { notificationContract } from "./notification/kind.ts"
import { systemInformationContract } from "./system-information/kind.ts"

/** The contract of every kind, one row each. A kind without a row does not compile. */
const table = {
  keystore: keystoreContractKind,
  identity: identityContract,
  "certificate-issuer": certificateIssuerContract,
  "system-information": systemInformationContract,
  notification: notificationContract,
} satisfies { readonly [Kind in PluginKind]: ContractKind<CommonOptions<Kind>> }

type OptionsOfKinds = { readonly [Kind in PluginKind]: Parameters<(typeof table)[Kind]["groups"]>[0] }

/** Options of `pluginContract` for a kind. */
export type ContractOptions<Kind extends PluginKind> = OptionsOfKinds[Kind]

/** The contract of every kind, by its name. */
export const contractKinds: { readonly [Kind in PluginKind]: ContractKind<OptionsOfKinds[Kind]> } = table
