import type { Plugin } from "@apeiro-cmk/plugin-interface"
import { Notification } from "../../generated/apeiro/cmk/notification/v1/notification_pb.js"
import { askedOf } from "../../host/remote-call.ts"
import { remoteConfiguredOnce } from "../../host/remote-configured-once.ts"
import type { Supervisor } from "../../host/supervisor.ts"
import { toStruct } from "../../wire/struct.ts"

/** Makes a notification plugin in another process look like one in this process. */
export function remoteNotification(supervisor: Supervisor): Plugin<"notification"> {
  const ask = askedOf(supervisor)
  return {
    ...remoteConfiguredOnce(supervisor),
    async deliver(event, target, call) {
      await ask(Notification.method.deliver, call, (caller) => ({ caller, event: toStruct(event), target }))
    },
  }
}
