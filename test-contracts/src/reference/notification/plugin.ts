import type { CallOptions, NotificationEvent, NotificationPluginV1, PluginServices } from "@apeiro-cmk/plugin-interface"
import { definePlugin } from "@apeiro-cmk/plugin-sdk"
import * as z from "zod"
import { type ReferenceConfiguration, ReferencePlugin, referenceConfiguration } from "../reference-plugin.ts"

class ReferenceNotification extends ReferencePlugin<"notification"> implements NotificationPluginV1 {
  constructor(configuration: ReferenceConfiguration, services: PluginServices<"notification">) {
    const nextStep = "Name a target that the receiver has."
    const meanings = { "unknown-target": { code: "NOT_FOUND", nextStep } } as const
    super(configuration, services, { loginAction: "notificationLogin", meanings })
  }

  async deliver(event: NotificationEvent, target: string, call: CallOptions): Promise<void> {
    await this.ask("deliver", { event, target }, z.object({}), call)
  }
}

/** A notification plugin against which the kit proves itself. Its receiver is `startReferenceBackend("notification")`. */
export const referenceNotification = definePlugin({
  manifest: {
    name: "reference-notification",
    displayName: "Reference receiver",
    description: "Connects the reference receiver of the conformance kit.",
    kind: "notification",
    contract: "notification/v1",
    capabilities: [],
    unsupported: {},
  },
  configuration: { plugin: referenceConfiguration },
  create: (configuration, services) => new ReferenceNotification(configuration, services),
})
