import { anonymous, auditActor, type Caller } from "@apeiro-cmk/access"
import { platformTenantId } from "@apeiro-cmk/audit-log"
import { callOptions } from "@apeiro-cmk/plugin-sdk"
import type { Request } from "express"
import type { ApiServices } from "../api-services.ts"
import type { ApiResponse } from "./api-response.ts"
import { disconnectSignal } from "./disconnect.ts"
import { authorise, identify } from "./gate.ts"
import type { Idempotency } from "./idempotency.ts"
import { readJsonBody } from "./json-body.ts"
import { type ListenerShares, ownerOf } from "./listener-shares.ts"
import type { Route } from "./route.ts"
import { sendAnswer } from "./send.ts"
import { bodyLimitBytes } from "./unread-body.ts"

/** Everything that the requests of one listener are served with. */
export interface Serving {
  readonly services: ApiServices
  readonly idempotency: Idempotency
  readonly shares: ListenerShares
}

/** Work of receiving and answering any request, as {@link LoopShares} counts it, and the bytes of a body that add as much. */
const plainUnits = 1
const unitBytes = 32 * 1024

/** Serves one request of a route. @throws whatever refuses the request or fails; the caller answers with a problem */
export async function serveRequest(
  route: Route,
  request: Request,
  response: ApiResponse,
  serving: Serving,
): Promise<void> {
  if (route.permission === "public") return work(route, request, response, anonymous, serving)
  const caller = await identify(request, response.locals, serving.services)
  const owner = ownerOf(caller)
  const leave = serving.shares.enter(owner, request.socket, response)
  try {
    const hasWaited = await serving.shares.loop.turn(owner, plainUnits + bodyUnits(request))
    // A token may have been revoked, or have expired, during the wait.
    if (hasWaited) await readmit(route, request, response, serving.services)
    else await authorise(caller, route, request, response.locals, serving.services)
    await work(route, request, response, caller, serving)
  } finally {
    leave()
  }
}

function bodyUnits({ headers }: Request): number {
  const length = headers["transfer-encoding"] === undefined ? (headers["content-length"] ?? 0) : bodyLimitBytes
  return Math.min(Number(length), bodyLimitBytes) / unitBytes
}

async function work(
  route: Route,
  request: Request,
  response: ApiResponse,
  caller: Caller,
  { services, idempotency, shares }: Serving,
): Promise<void> {
  const takesBody = route.method === "post" || route.method === "put"
  const isWhole = request.complete
  const body = takesBody ? await readJsonBody(request, response) : {}
  // A token may have been revoked, or have expired, while the body was still on its way.
  if (takesBody && !isWhole) await readmit(route, request, response, services)
  const { params, query, headers } = request
  const parsed = route.parse({ params, query, body, ifMatch: headers["if-match"], accept: headers.accept ?? "" })
  if (parsed.units > 0) {
    const hasWaited = await shares.loop.turn(ownerOf(caller), parsed.units)
    if (hasWaited) await readmit(route, request, response, services)
  }
  const call = callFor(route, request, response, caller, services)
  try {
    const work = () => parsed.run(call, services)
    const answer = route.isCreation
      ? await idempotency.runOnce({ route, key: headers["idempotency-key"], caller, params, body, work })
      : await work()
    await sendAnswer(response, answer, route.response.status, { output: shares.output, owner: ownerOf(caller) })
  } finally {
    call.dispose()
  }
}

async function readmit(route: Route, request: Request, response: ApiResponse, services: ApiServices): Promise<void> {
  const caller = await identify(request, response.locals, services)
  await authorise(caller, route, request, response.locals, services)
}

function callFor(route: Route, request: Request, response: ApiResponse, caller: Caller, services: ApiServices) {
  const { requestId, traceparent } = response.locals.facts
  const tenantId = request.params.tenant_id
  const options = callOptions({
    tenantId: typeof tenantId === "string" ? tenantId : platformTenantId,
    requestId,
    timeoutMs: route.timeoutMs,
    signal: disconnectSignal(response),
    clock: services.clock,
    ...(traceparent === undefined ? {} : { traceparent }),
  })
  return { ...options, actor: auditActor(caller) }
}
