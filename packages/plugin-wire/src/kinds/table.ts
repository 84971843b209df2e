import type { PluginKind } from "@apeiro-cmk/plugin-interface"
import { certificateIssuerKind } from "./certificate-issuer/kind.ts"
import { identityKind } from "./identity/kind.ts"
import { keystoreKind } from "./keystore/kind.ts"
import type { WireKind } from "./kind.ts"
import { notificationKind } from "./notification/kind.ts"
import { systemInformationKind } from "./system-information/kind.ts"

/** Every kind on the wire, one row each. A further kind is a row here and a folder beside this file. */
export const wireKinds: { readonly [Kind in PluginKind]: WireKind<Kind> } = {
  keystore: keystoreKind,
  identity: identityKind,
  "certificate-issuer": certificateIssuerKind,
  "system-information": systemInformationKind,
  notification: notificationKind,
}
