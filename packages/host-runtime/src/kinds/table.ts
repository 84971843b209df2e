import type { PluginKind } from "@apeiro-cmk/plugin-interface"
import { certificateIssuerHostKind } from "./certificate-issuer/kind.ts"
import { identityHostKind } from "./identity/kind.ts"
import { keystoreHostKind } from "./keystore/kind.ts"
import type { HostKind } from "./kind.ts"
import { notificationHostKind } from "./notification/kind.ts"
import { systemInformationHostKind } from "./system-information/kind.ts"

/** Every kind of plugin, as this host loads and runs it. A kind without a row does not compile. */
export const hostKinds: { readonly [Kind in PluginKind]: HostKind<Kind> } = {
  keystore: keystoreHostKind,
  identity: identityHostKind,
  "certificate-issuer": certificateIssuerHostKind,
  "system-information": systemInformationHostKind,
  notification: notificationHostKind,
}
