import type { UpstreamNotification, UpstreamNotificationV1 } from "@apeiro-cmk/plugin-interface"
import { pluginError } from "@apeiro-cmk/plugin-sdk"
import { wireError } from "../../errors/upstream-errors.ts"
import { NotificationService, NotificationType } from "../../generated/plugin/notification/v1/notification_pb.js"
import { upstreamCalls, upstreamPartOf } from "../../serve/upstream-call.ts"
import { addUnaryService } from "../../wire/unary-service.ts"
import type { ServeContext } from "../kind.ts"

const callTimeoutMs = 30_000

/** The host writes this for a person whom the identity service no longer knows. */
const unknownRecipient = "UNKNOWN"

const types: Readonly<Record<NotificationType, UpstreamNotification["type"]>> = {
  [NotificationType.UNSPECIFIED]: "email",
  [NotificationType.EMAIL]: "email",
  [NotificationType.TEXT]: "text",
  [NotificationType.WEB]: "web",
}

/** Adds upstream's service for messages to people. A message without any receiver left counts as sent. */
export function addUpstreamNotification({ server, plugin, clock }: ServeContext<"notification">): string {
  const calls = upstreamCalls(clock, callTimeoutMs, wireError)
  const upstream = (): UpstreamNotificationV1 => upstreamPartOf(plugin.current())

  return addUnaryService(server, NotificationService, {
    sendNotification: ({ notificationType, recipients, subject, body }, call) =>
      calls(call, async (options) => {
        const type = types[notificationType]
        if (type === undefined) {
          throw pluginError("INVALID_REQUEST", "The type of the notification is unknown.", "Send an e-mail.")
        }
        const known = [...new Set(recipients)].filter((recipient) => recipient !== "" && recipient !== unknownRecipient)
        if (known.length === 0) return { success: true, message: "there is no receiver left" }
        await upstream().sendNotification({ type, recipients: known, subject, body }, options)
        return { success: true }
      }),
  })
}
