import { configuredOnceContract } from "../../configured-once/contract.ts"

const event = {
  id: "contract-event",
  type: "contract.test",
  severity: "info",
  tenantId: "contract-tenant",
  subject: "contract",
  occurredAtMs: 0,
  data: {},
} as const

/** The contract of notification plugins. */
export const notificationContract = configuredOnceContract<"notification">({
  always: { deliver: (plugin, call) => plugin.deliver(event, "no-such-target", call) },
  byCapability: {},
})
