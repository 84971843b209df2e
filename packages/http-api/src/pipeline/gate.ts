import type { Request } from "express"
import type { ApiServices } from "../api-services.ts"
import { authenticate, isAllowed } from "../auth/authenticate.ts"
import type { Principal } from "../auth/principal.ts"
import type { Refusal } from "../auth/refusal-recorder.ts"
import { callerError, tenantNotFound } from "../errors.ts"
import { tenantId as tenantIdSchema } from "../schemas/common.ts"
import type { RequestFacts } from "./request-facts.ts"
import type { Route } from "./route.ts"

/**
 * Lets a request through to its route, or refuses it. Works on the headers alone: the body of a refused request is
 * never read.
 *
 * @throws {HostError} UNAUTHENTICATED - no valid token
 * @throws {HostError} FORBIDDEN - the token is good for something else, or for another tenant
 * @throws {HostError} TENANT_NOT_FOUND - said to the platform's administrator alone
 * @throws {AuditError} AUDIT_UNAVAILABLE - the refusal could not be recorded
 */
export async function admit(
  route: Route,
  request: Request,
  facts: RequestFacts,
  services: ApiServices,
): Promise<Principal> {
  if (route.permission === "public") return { type: "anonymous" }
  const principal = await authenticate(request.headers.authorization, services)
  const parsedTenant = tenantIdSchema.safeParse(request.params.tenant_id)
  const named = request.params.tenant_id === undefined ? undefined : String(request.params.tenant_id)
  const refusal = {
    principal,
    route: `${route.method.toUpperCase()} ${route.path}`,
    facts,
    ...(parsedTenant.success ? { tenantId: parsedTenant.data } : {}),
  }
  if (principal.type === "anonymous") throw await unauthenticated(refusal, services)
  if (!isAllowed(principal, route.permission, named)) throw await forbidden(route, refusal, services)
  if (principal.type === "administrator" && parsedTenant.success) await requireTenant(parsedTenant.data, services)
  return principal
}

async function unauthenticated(refusal: Omit<Refusal, "code">, services: ApiServices): Promise<Error> {
  await services.refusals.record({ ...refusal, code: "UNAUTHENTICATED" })
  return callerError(
    "UNAUTHENTICATED",
    "This needs a valid token.",
    "Send `Authorization: Bearer <token>`; with curl, `-H @data/administrator.header`. A token may have expired or been revoked.",
  )
}

async function forbidden(route: Route, refusal: Omit<Refusal, "code">, services: ApiServices): Promise<Error> {
  await services.refusals.record({ ...refusal, code: "FORBIDDEN" })
  return callerError(
    "FORBIDDEN",
    "This token may not do that.",
    `Use a token of this tenant with the permission ${route.permission}.`,
  )
}

async function requireTenant(tenantId: string, services: ApiServices): Promise<void> {
  if ((await services.tenants.tenant(tenantId)) !== undefined) return
  throw tenantNotFound(tenantId)
}
