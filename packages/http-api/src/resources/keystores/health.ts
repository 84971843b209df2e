import type { LastOutcome } from "@apeiro-cmk/keystore-manager"
import type * as z from "zod"
import { keystoreParameters, momentOf } from "../../fields.ts"
import { document } from "../../pipeline/answer.ts"
import { defineRoute, none } from "../../pipeline/route.ts"
import { keystoreHealthAnswer } from "./health-schemas.ts"

/** Shows the health of a keystore, and the last operation on it. */
export const keystoreHealth = defineRoute({
  method: "get",
  path: "/v1/tenants/{tenant_id}/keystores/{keystore_id}/health",
  summary: "Show health, latency and last operation of a keystore",
  permission: "keystores.read",
  params: keystoreParameters,
  query: none,
  body: none,
  response: { status: 200, description: "The last observations", schema: keystoreHealthAnswer },
  problems: ["KEYSTORE_NOT_FOUND"],
  handler: async ({ params, services }) => {
    const seen = await services.keystores.health(params.tenant_id, params.keystore_id)
    const { condition, averageLatencyMs, last, usage } = seen
    return document({
      plugin_name: seen.keystoreId,
      plugin_type: seen.pluginType,
      plugin_status: seen.state,
      health: condition,
      ...(averageLatencyMs === undefined ? {} : { average_latency_ms: rounded(averageLatencyMs) }),
      ...(usage === undefined
        ? {}
        : { operations: { this_hour: usage.taken, limit: usage.limit, next_hour_at: momentOf(usage.untilMs) } }),
      ...(last === undefined ? {} : { last_operation: lastOperationOf(last) }),
    })
  },
})

function rounded(milliseconds: number): number {
  return Math.round(milliseconds * 100) / 100
}

function lastOperationOf(last: LastOutcome): z.input<typeof keystoreHealthAnswer>["last_operation"] {
  return {
    outcome: last.outcome,
    ...(last.code === undefined ? {} : { code: last.code }),
    ...(last.origin === undefined ? {} : { origin: last.origin }),
    ...(last.nextStep === undefined ? {} : { next_step: last.nextStep }),
    latency_ms: rounded(last.latencyMs),
    at: momentOf(last.atMs),
  }
}
