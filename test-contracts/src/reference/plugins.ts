import { referenceCertificateIssuer } from "./certificate-issuer/plugin.ts"
import { referenceIdentity } from "./identity/plugin.ts"
import { referenceNotification } from "./notification/plugin.ts"
import { referenceSystemInformation } from "./system-information/plugin.ts"

/** Reference plugins that the operator configures once, by kind. */
export const referencePlugins = {
  identity: referenceIdentity,
  "certificate-issuer": referenceCertificateIssuer,
  "system-information": referenceSystemInformation,
  notification: referenceNotification,
} as const

/** A kind that has a reference plugin in {@link referencePlugins}. */
export type ReferenceKind = keyof typeof referencePlugins
