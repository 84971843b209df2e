import { platformTenantId } from "@apeiro-cmk/audit-log"
import { callOptions } from "@apeiro-cmk/plugin-sdk"
import { pooledRandom } from "@apeiro-cmk/plugin-sdk/services"
import express, { type Express, type NextFunction, type Request, type Response } from "express"
import helmet from "helmet"
import type { ApiServices } from "../api-services.ts"
import { auditActor, type Principal } from "../auth/principal.ts"
import { callerError, HostError } from "../errors.ts"
import { disconnectSignal } from "./disconnect.ts"
import { admit } from "./gate.ts"
import { createIdempotency, type Idempotency } from "./idempotency.ts"
import type { InFlight } from "./in-flight.ts"
import { leavesTooMuchUnread, readJsonBody } from "./json-body.ts"
import { createPathTable } from "./path-table.ts"
import { problemOf } from "./problem.ts"
import { type RequestFacts, requestFactsOf } from "./request-facts.ts"
import { createRequestLog, type RequestLog } from "./request-log.ts"
import type { Route } from "./route.ts"
import { sendAnswer, sendProblem } from "./send.ts"

interface Locals {
  facts: RequestFacts
  log: RequestLog
}

type ApiResponse = Response<unknown, Locals>

/** Makes the HTTP application that serves routes: each request is admitted, read, parsed, worked on and answered. */
export function createApp(routes: readonly Route[], services: ApiServices, inFlight: InFlight): Express {
  const app = express()
  const idempotency = createIdempotency(services.idempotency, services.fingerprintKey, services.logger)
  const publicRandom = pooledRandom(services.random)
  app.disable("x-powered-by")
  app.disable("etag")
  app.set("query parser", "simple")
  app.set("case sensitive routing", true)
  app.set("strict routing", true)
  app.use(
    helmet({
      // TLS ends in front of this host, and whatever ends it knows which names it stands for.
      strictTransportSecurity: false,
      contentSecurityPolicy: { useDefaults: false, directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } },
    }),
  )
  app.use((request, response: ApiResponse, next) => {
    response.locals.facts = requestFactsOf(request, publicRandom)
    response.locals.log = createRequestLog(request, response, response.locals.facts, services)
    response.set({ "X-Request-Id": response.locals.facts.requestId, "Cache-Control": "no-store" })
    next()
  })
  app.use((request, _response, next) => {
    // RFC 9112 §3.2
    if (request.httpVersion !== "1.1" || request.headers.host !== undefined) next()
    else throw callerError("INVALID_REQUEST", "The request has no Host header.", "Send the header `Host`.")
  })
  const serveRoute = (route: Route) => {
    app[route.method](route.path.replaceAll(/\{(\w+)\}/g, ":$1"), async (request: Request, response: ApiResponse) => {
      response.locals.log.route(route)
      const release = inFlight.hold()
      try {
        await serve(route, request, response, services, idempotency)
      } finally {
        release()
      }
    })
  }
  // Probes are answered to the end, also while everything else is refused.
  for (const route of routes.filter(({ permission }) => permission === "public")) serveRoute(route)
  app.use(inFlight.track)
  for (const route of routes.filter(({ permission }) => permission !== "public")) serveRoute(route)
  const paths = createPathTable(routes)
  app.use((request) => {
    throw paths.refusal(request.path)
  })
  app.use(answerProblem)
  return app
}

async function serve(
  route: Route,
  request: Request,
  response: ApiResponse,
  services: ApiServices,
  idempotency: Idempotency,
): Promise<void> {
  const { facts, log } = response.locals
  const principal = await admit(route, request, facts, services)
  log.principal(principal)
  const takesBody = route.method === "post" || route.method === "put"
  const body = takesBody ? await readJsonBody(request, response) : {}
  const { params, query, headers } = request
  const parsed = route.parse({ params, query, body, ifMatch: headers["if-match"], accept: headers.accept ?? "" })
  const call = callFor(route, request, response, principal, services)
  try {
    const work = () => parsed.run(call, principal, services)
    const answer = route.isCreation
      ? await idempotency.runOnce({ route, key: headers["idempotency-key"], principal, params, body, work })
      : await work()
    await sendAnswer(response, answer, route.response.status)
  } finally {
    call.dispose()
  }
}

function callFor(route: Route, request: Request, response: ApiResponse, principal: Principal, services: ApiServices) {
  const { requestId, traceparent } = response.locals.facts
  const tenantId = request.params.tenant_id
  const options = callOptions({
    tenantId: typeof tenantId === "string" ? tenantId : platformTenantId,
    timeoutMs: route.timeoutMs,
    signal: disconnectSignal(response),
    clock: services.clock,
    ...(traceparent === undefined ? {} : { traceparent }),
  })
  return { ...options, actor: auditActor(principal), requestId }
}

/** Express knows an error handler by its four parameters. */
function answerProblem(thrown: unknown, request: Request, response: ApiResponse, _next: NextFunction): void {
  const error = requestError(thrown)
  const { facts, log } = response.locals
  const problem = problemOf(error, facts.requestId)
  log.failure(problem, thrown)
  if (response.headersSent) {
    response.destroy()
    return
  }
  if (leavesTooMuchUnread(request)) response.set("Connection", "close")
  sendProblem(response, problem, headersOf(error))
}

/** Express's own refusals of a malformed request carry a 4xx status. */
function requestError(error: unknown): unknown {
  const status = error instanceof Error && "status" in error ? error.status : undefined
  if (typeof status !== "number" || status < 400 || status > 499) return error
  return callerError("INVALID_REQUEST", "The request cannot be understood.", "Check the spelling of the URL.")
}

function headersOf(error: unknown): Record<string, string> {
  const headers: Record<string, string> = {}
  if (!(error instanceof Error)) return headers
  if (error instanceof HostError && error.code === "UNAUTHENTICATED") headers["WWW-Authenticate"] = "Bearer"
  if (error instanceof HostError && error.allowedMethods !== undefined) headers.Allow = error.allowedMethods.join(", ")
  if ("retryAfterMs" in error && typeof error.retryAfterMs === "number") {
    headers["Retry-After"] = String(Math.max(1, Math.ceil(error.retryAfterMs / 1000)))
  }
  return headers
}
