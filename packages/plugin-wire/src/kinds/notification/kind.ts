import type { WireKind } from "../kind.ts"

/** Notification on the wire. */
export const notificationKind: WireKind<"notification"> = {
  types: ["NotificationService", "Notification"],
  serviceName: "plugin.notification.v1.NotificationService",
  loadServe: async () => (await import("./serve.ts")).serveNotification,
  loadHost: async () => (await import("./host.ts")).remoteNotification,
}
