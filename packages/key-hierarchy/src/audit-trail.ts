import type { AuditAction, AuditEvent, HostCall } from "@apeiro-cmk/audit-log"
import { type ErrorOrigin, isCodedError } from "@apeiro-cmk/plugin-interface"

/** W3C trace context: 00-<trace id>-<parent id>-<flags>. Whatever else a caller sent is left out. */
const traceIdPattern = /^[0-9a-f]{2}-([0-9a-f]{32})-/
/** A keystore's request id is its own affair; an entry takes this many characters of it. */
const maximumBackendRequestIdLength = 256

/** The keystore's own id of a request, as far as an entry can hold it. */
export function backendRequest(backendRequestId: string | undefined): { readonly backendRequestId?: string } {
  if (backendRequestId === undefined || backendRequestId === "") return {}
  return { backendRequestId: backendRequestId.slice(0, maximumBackendRequestIdLength).toWellFormed() }
}

/** The fields that every event of a call has in common. */
export function eventOf(
  action: AuditAction,
  tenantId: string,
  call: HostCall,
): Pick<AuditEvent, "tenantId" | "actor" | "action" | "requestId" | "traceId"> {
  const traceId = call.traceparent === undefined ? undefined : traceIdPattern.exec(call.traceparent)?.[1]
  return {
    tenantId,
    actor: call.actor,
    action,
    requestId: call.requestId,
    ...(traceId === undefined ? {} : { traceId }),
  }
}

/** How an event tells of an error: by its code, never by its words. */
export function failureOf(error: unknown): {
  readonly outcome: "failure"
  readonly code: string
  readonly origin: ErrorOrigin
} {
  if (isCodedError(error)) return { outcome: "failure", code: error.code, origin: error.origin }
  return { outcome: "failure", code: "INTERNAL", origin: "host" }
}
