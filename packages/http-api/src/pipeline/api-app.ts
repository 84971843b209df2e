import { pooledRandom } from "@apeiro-cmk/plugin-sdk/services"
import express, { type Express, type NextFunction, type Request } from "express"
import helmet from "helmet"
import type { ApiServices } from "../api-services.ts"
import { callerError } from "../errors.ts"
import { answerProblem } from "./answer-problem.ts"
import type { ApiResponse } from "./api-response.ts"
import { Idempotency } from "./idempotency.ts"
import type { InFlight } from "./in-flight.ts"
import { defaultListenerLimits, type ListenerLimits } from "./listener-limits.ts"
import { ListenerShares } from "./listener-shares.ts"
import { createPathTable } from "./path-table.ts"
import { requestFactsOf } from "./request-facts.ts"
import { RequestLog } from "./request-log.ts"
import type { Route } from "./route.ts"
import { type Serving, serveRequest } from "./serve-request.ts"
import { requireSingleHeaders } from "./single-headers.ts"

/**
 * Makes the HTTP application that serves routes: each request is admitted, read, parsed, worked on and answered.
 * @param limits - of the listener that it serves
 */
export function createApp(
  routes: readonly Route[],
  services: ApiServices,
  inFlight: InFlight,
  limits: ListenerLimits = defaultListenerLimits,
): Express {
  const app = express()
  const idempotency = new Idempotency(services.idempotency, services.fingerprintKey, services.logger)
  const shares = new ListenerShares(limits, services.clock)
  configure(app)
  const random = pooledRandom(services.random)
  app.use((request, response: ApiResponse, next) => {
    const facts = requestFactsOf(request, random)
    response.locals.facts = facts
    response.locals.log = new RequestLog(request, response, facts.requestId, services)
    response.set({ "X-Request-Id": facts.requestId, "Cache-Control": "no-store" })
    next()
  })
  app.use(requireSoundHeaders)
  addRoutes(app, routes, { services, idempotency, shares }, inFlight)
  const paths = createPathTable(routes)
  app.use((request) => {
    throw paths.refusal(request.path)
  })
  // Express recognises an error handler by its four parameters.
  app.use((thrown: unknown, _request: Request, response: ApiResponse, _next: NextFunction) => {
    answerProblem(thrown, response, shares.output)
  })
  return app
}

function configure(app: Express): void {
  app.disable("x-powered-by")
  app.disable("etag")
  app.set("query parser", "simple")
  app.set("case sensitive routing", true)
  app.set("strict routing", true)
  app.use(
    helmet({
      // TLS ends in front of this host, and only the proxy that ends it knows which names it stands for.
      strictTransportSecurity: false,
      contentSecurityPolicy: { useDefaults: false, directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } },
    }),
  )
}

/** RFC 9112 §3.2 */
function requireSoundHeaders(request: Request, _response: ApiResponse, next: NextFunction): void {
  requireSingleHeaders(request)
  if (request.httpVersion !== "1.1" || request.headers.host !== undefined) next()
  else throw callerError("INVALID_REQUEST", "The request has no Host header.", "Send the header `Host`.")
}

function addRoutes(app: Express, routes: readonly Route[], serving: Serving, inFlight: InFlight): void {
  const add = (route: Route) => {
    const path = route.path.replaceAll(/\{(\w+)\}/g, ":$1")
    app[route.method](path, async (request: Request, response: ApiResponse) => {
      response.locals.log.route(route)
      const release = inFlight.hold()
      try {
        await serveRequest(route, request, response, serving)
      } finally {
        release()
      }
    })
  }
  // Probes are answered to the end, even while every other request is refused.
  for (const route of routes.filter(({ permission }) => permission === "public")) add(route)
  app.use((_request, response, next) => {
    inFlight.track(response)
    next()
  })
  for (const route of routes.filter(({ permission }) => permission !== "public")) add(route)
}
