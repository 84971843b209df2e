import type { LastOutcome } from "@apeiro-cmk/keystore-manager"
import type { z } from "zod"
import { document } from "../http/answer.ts"
import { defineRoute, none } from "../http/route.ts"
import { keystoreParameters, momentOf } from "../schemas/common.ts"
import { keystoreHealthAnswer } from "../schemas/keystore.ts"

/** What the last operation on a keystore was like. */
export const keystoreHealth = defineRoute({
  method: "get",
  path: "/v1/tenants/{tenant_id}/keystores/{keystore_id}/health",
  summary: "Outcome and latency of the last operation on a keystore",
  permission: "keystores.read",
  params: keystoreParameters,
  query: none,
  body: none,
  response: { status: 200, description: "What was seen last", schema: keystoreHealthAnswer },
  problems: ["KEYSTORE_NOT_FOUND"],
  handler: async ({ params, services }) => {
    const record = await services.keystores.get(params.tenant_id, params.keystore_id)
    const health = await services.keystores.health(params.tenant_id)
    const last = health.find(({ keystoreId }) => keystoreId === record.keystoreId)?.last
    return document({
      plugin_name: record.keystoreId,
      plugin_type: record.pluginType,
      plugin_status: record.state,
      ...(last === undefined ? {} : { last_operation: lastOperationOf(last) }),
    })
  },
})

function lastOperationOf(last: LastOutcome): z.input<typeof keystoreHealthAnswer>["last_operation"] {
  return {
    outcome: last.outcome,
    ...(last.code === undefined ? {} : { code: last.code }),
    ...(last.origin === undefined ? {} : { origin: last.origin }),
    ...(last.nextStep === undefined ? {} : { next_step: last.nextStep }),
    latency_ms: Math.round(last.latencyMs * 100) / 100,
    at: momentOf(last.atMs),
  }
}
