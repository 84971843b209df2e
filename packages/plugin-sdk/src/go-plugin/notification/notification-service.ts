import type { NotificationEvent, Plugin } from "@apeiro-cmk/plugin-interface"
import * as z from "zod"
import { Notification } from "../generated/apeiro/cmk/notification/v1/notification_pb.js"
import { ownMethods } from "../own-call.ts"
import type { ServeContext } from "../serve/served-kind.ts"
import { readStruct } from "../struct.ts"
import { addUnaryService } from "../wire/unary-service.ts"

const eventShape = z.object({
  id: z.string(),
  type: z.string(),
  severity: z.enum(["info", "warning", "critical"]),
  tenantId: z.string(),
  subject: z.string(),
  occurredAtMs: z.number(),
  data: z.record(z.string(), z.json()),
})

/** Adds the service of our own host. */
export function addNotificationService({ server, plugin, services }: ServeContext<Plugin<"notification">>): void {
  const method = ownMethods(services.clock)
  addUnaryService(server, Notification, {
    deliver: method(({ event, target }, options) =>
      plugin.current().deliver(readStruct<NotificationEvent>(eventShape, event), target, options),
    ),
  })
}
