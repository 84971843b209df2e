import type { Plugin } from "@apeiro-cmk/plugin-interface"
import { Notification } from "../generated/apeiro/cmk/notification/v1/notification_pb.js"
import { toStruct } from "../struct.ts"
import { askedOf } from "./remote-call.ts"
import type { Supervisor } from "./supervisor.ts"

/** A notification plugin in another process, as if it were in this one. */
export function supervisedNotificationPlugin(supervisor: Supervisor): Plugin<"notification"> {
  const ask = askedOf(supervisor)
  return {
    start: (signal) => supervisor.start(signal),
    stop: () => supervisor.stop(),
    async deliver(event, target, call) {
      await ask(Notification.method.deliver, call, (caller) => ({ caller, event: toStruct(event), target }))
    },
  }
}
