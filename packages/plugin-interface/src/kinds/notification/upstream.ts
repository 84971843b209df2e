import type { CallOptions } from "../../call.ts"

/** A message of the upstream host to people. */
export interface UpstreamNotification {
  readonly type: "email" | "text" | "web"
  /** At least one; the receivers must not see each other. */
  readonly recipients: readonly string[]
  readonly subject: string
  /** HTML. */
  readonly body: string
}

/** Upstream: NotificationService. */
export interface UpstreamNotificationV1 {
  /** The host sends a message that failed again: one that reached somebody must not fail. */
  sendNotification(notification: UpstreamNotification, call: CallOptions): Promise<void>
}
