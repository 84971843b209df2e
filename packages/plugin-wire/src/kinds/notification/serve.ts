import type { NotificationEvent } from "@apeiro-cmk/plugin-interface"
import * as z from "zod"
import { Notification } from "../../generated/apeiro/cmk/notification/v1/notification_pb.js"
import { addConfiguredOnce } from "../../serve/configured-once.ts"
import { ownMethods } from "../../serve/own-call.ts"
import { stateless } from "../../serve/served-services.ts"
import { readStruct } from "../../wire/struct.ts"
import { addUnaryService } from "../../wire/unary-service.ts"
import type { ServeContext, ServedServices } from "../kind.ts"
import { addUpstreamNotification } from "./upstream.ts"

const eventShape: z.ZodType<NotificationEvent> = z.object({
  id: z.string(),
  type: z.string(),
  severity: z.enum(["info", "warning", "critical"]),
  tenantId: z.string(),
  subject: z.string(),
  occurredAtMs: z.number(),
  data: z.record(z.string(), z.json()),
})

/** Serves a notification plugin to our own host and to upstream's. */
export function serveNotification(context: ServeContext<"notification">): ServedServices {
  const { server, plugin, clock } = context
  const method = ownMethods(clock)
  addUnaryService(server, Notification, {
    deliver: method(({ event, target }, options) =>
      plugin.current().deliver(readStruct(eventShape, event), target, options),
    ),
  })
  addConfiguredOnce(context)
  return stateless(addUpstreamNotification(context))
}
