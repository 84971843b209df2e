import { authenticate, type Caller, isAllowed, type Refusal } from "@apeiro-cmk/access"
import type { Request } from "express"
import type { ApiServices } from "../api-services.ts"
import { callerError, tenantNotFound } from "../errors.ts"
import { tenantId as tenantIdSchema } from "../fields.ts"
import type { RequestFacts } from "./request-facts.ts"
import type { RequestLog } from "./request-log.ts"
import type { Route } from "./route.ts"

interface Noted {
  readonly facts: RequestFacts
  readonly log: RequestLog
}

/** Finds out who asks, by the headers alone; the log line says so. @throws {PersistenceError} DATABASE_UNAVAILABLE */
export async function identify(request: Request, { log }: Noted, services: ApiServices): Promise<Caller> {
  const caller = await authenticate({ authorization: request.headers.authorization }, services.authentication)
  log.caller(caller, tenantIdSchema.safeParse(request.params.tenant_id).data)
  return caller
}

/**
 * Refuses whoever may not use a route. Works on the headers alone: the body of a refused request is never read.
 *
 * @throws {HttpApiError} UNAUTHENTICATED - no valid token
 * @throws {HttpApiError} FORBIDDEN - the token lacks the permission, or belongs to another tenant
 * @throws {HttpApiError} TENANT_NOT_FOUND - only to the platform's administrator
 * @throws {AuditError} AUDIT_UNAVAILABLE - the refusal could not be recorded
 */
export async function authorise(
  caller: Caller,
  { permission, method, path }: Route,
  request: Request,
  { facts }: Noted,
  services: ApiServices,
): Promise<void> {
  if (permission === "public") return
  const parsedTenant = tenantIdSchema.safeParse(request.params.tenant_id)
  const named = request.params.tenant_id === undefined ? undefined : String(request.params.tenant_id)
  const refusal = {
    caller,
    route: `${method.toUpperCase()} ${path}`,
    ...facts,
    ...(parsedTenant.success ? { tenantId: parsedTenant.data } : {}),
  }
  if (caller.type === "anonymous") throw await unauthenticated(refusal, services)
  if (!isAllowed(caller, permission, named)) throw await forbidden(permission, refusal, services)
  if (caller.type === "administrator" && parsedTenant.success) await requireTenant(parsedTenant.data, services)
}

async function unauthenticated(refusal: Omit<Refusal, "code">, services: ApiServices): Promise<Error> {
  await services.refusals.record({ ...refusal, code: "UNAUTHENTICATED" })
  return callerError(
    "UNAUTHENTICATED",
    "This needs a valid token.",
    "Send `Authorization: Bearer <token>`; with curl, `-H @data/administrator.header`. A token may have expired or been revoked.",
  )
}

async function forbidden(permission: string, refusal: Omit<Refusal, "code">, services: ApiServices): Promise<Error> {
  await services.refusals.record({ ...refusal, code: "FORBIDDEN" })
  return callerError(
    "FORBIDDEN",
    "This token may not do that.",
    permission.startsWith("platform.")
      ? "Use the platform administrator's token: a tenant's tokens have no permissions on the platform."
      : `Use a token of this tenant with the permission ${permission}.`,
  )
}

async function requireTenant(tenantId: string, services: ApiServices): Promise<void> {
  if ((await services.tenants.tenant(tenantId)) !== undefined) return
  throw tenantNotFound(tenantId)
}
