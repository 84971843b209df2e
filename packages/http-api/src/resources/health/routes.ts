import type * as z from "zod"
import type { ApiServices } from "../../api-services.ts"
import { document } from "../../pipeline/answer.ts"
import { defineRoute, plainRead } from "../../pipeline/route.ts"
import { healthAnswer, livenessAnswer, readinessAnswer } from "./schemas.ts"

async function healthOf(services: ApiServices): Promise<z.input<typeof healthAnswer>> {
  const [notReady, degraded] = [await services.readiness.notReady(), services.readiness.degraded()]
  const status = notReady.length > 0 ? "not_ready" : degraded.length > 0 ? "degraded" : "ready"
  return { status, not_ready: [...notReady], degraded: [...degraded] }
}

/** Shows what works and what does not. */
export const health = defineRoute({
  ...plainRead,
  path: "/v1/health",
  summary: "Show what works and what does not",
  permission: "health.read",
  response: { status: 200, description: "The host's health", schema: healthAnswer },
  handler: async ({ services }) => document(await healthOf(services)),
})

/** Tells whether the process is alive: it ignores everything that the process depends on, and waits for nothing. */
export const livez = defineRoute({
  ...plainRead,
  path: "/livez",
  summary: "Tell whether the process is alive",
  permission: "public",
  response: {
    status: 200,
    description: "The process is alive",
    schema: livenessAnswer,
  },
  handler: async () => document({ status: "alive" as const }),
})

/** Tells whether the host accepts work. */
export const readyz = defineRoute({
  ...plainRead,
  path: "/readyz",
  summary: "Tell whether the host accepts work",
  permission: "public",
  response: {
    status: 200,
    description: "The host is ready",
    schema: readinessAnswer,
    also: { status: 503, description: "The host is not ready: `not_ready` says why" },
  },
  handler: async ({ services }) => {
    const notReady = await services.readiness.notReady()
    const ready = notReady.length === 0
    const body = { status: ready ? ("ready" as const) : ("not_ready" as const), not_ready: [...notReady] }
    return ready ? document(body) : { ...document(body), status: 503 }
  },
})
