import type { PluginDefinition } from "@apeiro-cmk/plugin-interface"
import { referenceCertificateIssuer } from "./certificate-issuer/plugin.ts"
import { referenceIdentity } from "./identity/plugin.ts"
import { referenceNotification } from "./notification/plugin.ts"
import type { ReferenceConfiguration } from "./reference-plugin.ts"
import { referenceSystemInformation } from "./system-information/plugin.ts"

const plugins = {
  identity: referenceIdentity,
  "certificate-issuer": referenceCertificateIssuer,
  "system-information": referenceSystemInformation,
  notification: referenceNotification,
} as const

/** A kind that has a reference plugin in {@link referencePlugins}. */
export type ReferenceKind = keyof typeof plugins

/** Reference plugins that the operator configures once, by kind. */
export const referencePlugins: {
  readonly [Kind in ReferenceKind]: PluginDefinition<Kind, ReferenceConfiguration>
} = plugins
