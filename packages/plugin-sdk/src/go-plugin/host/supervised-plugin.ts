import type { Plugin, PluginKind } from "@apeiro-cmk/plugin-interface"
import { CertificateIssuerService } from "../generated/plugin/certificate_issuer/v1/certificate_issuer_pb.js"
import { IdentityManagementService } from "../generated/plugin/identity_management/v1/identity_management_pb.js"
import { KeystoreInstanceKeyOperation } from "../generated/plugin/keystore/operations/v1/operations_pb.js"
import { NotificationService } from "../generated/plugin/notification/v1/notification_pb.js"
import { SystemInformationService } from "../generated/plugin/systeminformation/v1/systeminformation_pb.js"
import { supervisedCertificateIssuer } from "./supervised-certificate-issuer.ts"
import { supervisedIdentityPlugin } from "./supervised-identity.ts"
import { supervisedKeystorePlugin } from "./supervised-keystore.ts"
import { supervisedNotificationPlugin } from "./supervised-notification.ts"
import { supervisedSystemInformation } from "./supervised-system-information.ts"
import type { Supervisor } from "./supervisor.ts"

/** What a process is asked for when a plugin of a kind is wanted. */
export interface WirePluginType {
  /** Upstream's spelling of the type; also the magic cookie. */
  readonly type: string
  /** Full name of the service that it must serve. */
  readonly serviceName: string
}

/** Upstream's types, by our kinds. */
export const wirePluginTypes: Readonly<Record<PluginKind, WirePluginType>> = {
  keystore: { type: "KeystoreInstanceKeyOperation", serviceName: KeystoreInstanceKeyOperation.typeName },
  identity: { type: "IdentityManagementService", serviceName: IdentityManagementService.typeName },
  "certificate-issuer": { type: "CertificateIssuerService", serviceName: CertificateIssuerService.typeName },
  "system-information": { type: "SystemInformationService", serviceName: SystemInformationService.typeName },
  notification: { type: "NotificationService", serviceName: NotificationService.typeName },
}

const supervised: { readonly [Kind in PluginKind]: (supervisor: Supervisor) => Plugin<Kind> } = {
  keystore: supervisedKeystorePlugin,
  identity: supervisedIdentityPlugin,
  "certificate-issuer": supervisedCertificateIssuer,
  "system-information": supervisedSystemInformation,
  notification: supervisedNotificationPlugin,
}

/** A plugin in a process that is watched, as if it were in this one: what our own services in it answer. */
export function supervisedPlugin<Kind extends PluginKind>(kind: Kind, supervisor: Supervisor): Plugin<Kind> {
  return supervised[kind](supervisor)
}
