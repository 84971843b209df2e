import { certificateIssuerKind } from "./certificate-issuer/kind.ts"
import { identityKind } from "./identity/kind.ts"
import { keystoreKind } from "./keystore/kind.ts"
import { notificationKind } from "./notification/kind.ts"
import { systemInformationKind } from "./system-information/kind.ts"

/** Every kind of plugin, one row each. A further kind is a row here and a folder beside it. */
export const pluginKinds = {
  keystore: keystoreKind,
  identity: identityKind,
  "certificate-issuer": certificateIssuerKind,
  "system-information": systemInformationKind,
  notification: notificationKind,
} as const

type Table = typeof pluginKinds

/** Name of a kind of plugin. */
export type PluginKind = keyof Table

/** Types of each kind. */
export type PluginTypes = { readonly [Kind in PluginKind]: NonNullable<Table[Kind]["types"]> }

/** The manifest of a plugin of a kind; of any kind by default, told apart by `kind`. */
export type PluginManifest<Kind extends PluginKind = PluginKind> = PluginTypes[Kind]["manifest"]

/** A running plugin of a kind. */
export type Plugin<Kind extends PluginKind = PluginKind> = PluginTypes[Kind]["plugin"]

/** A contract: a kind and the major version of this interface. */
export type PluginContract = Table[PluginKind]["contract"]

/** An action that a plugin of a kind may report to the audit stream. */
export type PluginAuditAction<Kind extends PluginKind = PluginKind> = Table[Kind]["auditActions"][number]

/** Names of all kinds, in the order of the table. */
export const pluginKindNames: readonly PluginKind[] = Object.keys(pluginKinds).filter(isPluginKind)

/** Tells whether a text is the name of a kind. */
export function isPluginKind(text: string): text is PluginKind {
  return Object.hasOwn(pluginKinds, text)
}
