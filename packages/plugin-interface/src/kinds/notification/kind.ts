import type { PluginManifestBase } from "../../manifest.ts"
import type { KindRow } from "../kind.ts"
import type { NotificationPluginV1 } from "./notification.ts"

const capabilities = [] as const
const auditActions = ["notificationLogin", "notificationTokenRenewal"] as const

/** Abilities of a plugin of kind `notification` that are optional. */
export type NotificationCapability = (typeof capabilities)[number]

/** The manifest of a plugin of kind `notification`. */
export type NotificationManifest = PluginManifestBase<"notification", NotificationCapability>

/** Types of the kind. */
export interface NotificationTypes {
  readonly manifest: NotificationManifest
  readonly configuration: object
  readonly plugin: NotificationPluginV1
}

/** Notification: delivery of events to people and systems. */
export const notificationKind: KindRow<NotificationTypes, NotificationCapability, (typeof auditActions)[number]> = {
  contract: "notification/v1",
  capabilities,
  auditActions,
}
