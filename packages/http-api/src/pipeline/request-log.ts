import type { IncomingMessage, ServerResponse } from "node:http"
import type { Clock, LogFields, Logger } from "@apeiro-cmk/plugin-interface"
import { auditActor, type Principal } from "../auth/principal.ts"
import type { ProblemDocument } from "./problem.ts"
import type { RequestFacts } from "./request-facts.ts"
import type { Route } from "./route.ts"

/** Gathers what the one log line of a request says. Neither headers nor bodies nor the URL's text ever come here. */
export interface RequestLog {
  route(route: Route): void
  principal(principal: Principal): void
  failure(problem: ProblemDocument, error: unknown): void
}

/** Starts the log line of a request; it is written when the response closes. */
export function createRequestLog(
  request: IncomingMessage,
  response: ServerResponse,
  facts: RequestFacts,
  services: { readonly clock: Clock; readonly logger: Logger },
): RequestLog {
  const startedAtMs = services.clock.monotonicMs()
  const fields: Record<string, string | number> = { method: request.method ?? "", request_id: facts.requestId }
  let level: "debug" | "info" | "warn" | "error" = "info"
  response.once("close", () => {
    const duration_ms = Math.round((services.clock.monotonicMs() - startedAtMs) * 100) / 100
    const line: LogFields = { ...fields, status: response.statusCode, duration_ms, complete: response.writableFinished }
    services.logger[level]("request", line)
  })
  return {
    route: (route) => {
      fields.route = route.path
      if (route.permission === "public") level = "debug"
    },
    principal: (principal) => {
      fields.actor = auditActor(principal).id
      if (principal.type === "token") fields.tenant = principal.tenantId
    },
    failure: (problem, error) => {
      fields.code = problem.code
      fields.origin = problem.origin
      if (problem.status >= 500) level = "warn"
      if (problem.code !== "INTERNAL") return
      level = "error"
      fields.error = describe(error)
    },
  }
}

/** Name and stack of an unexpected error. Its message stays out: nobody knows what a foreign error quotes. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return typeof error
  const places = (error.stack ?? "").split("\n").filter((line) => line.startsWith("    at "))
  return [error.name, ...places.slice(0, 12).map((line) => line.trim())].join(" ")
}
