import type { AuditAction, AuditEvent } from "@apeiro-cmk/audit-log"
import { type CallOptions, type ErrorOrigin, isCodedError } from "@apeiro-cmk/plugin-interface"
import type { HostCall } from "./host-call.ts"
import { traceIdOf } from "./trace-id.ts"

/** Longest request id of a backend that an entry holds, in characters. The backend alone decides how long its ids are. */
const maximumBackendRequestIdLength = 256

/** Starts an audit event: the members that every event of a call has in common. */
export function eventOf(
  action: AuditAction,
  tenantId: string,
  call: HostCall,
): Pick<AuditEvent, "tenantId" | "actor" | "action" | "requestId" | "traceId"> {
  return { tenantId, actor: call.actor, action, requestId: call.requestId, ...traceOf(call) }
}

/** Reads the trace id of a call, as an event names it: empty where the call has none. */
export function traceOf({ traceparent }: Pick<CallOptions, "traceparent">): Pick<AuditEvent, "traceId"> {
  const traceId = traceIdOf(traceparent)
  return traceId === undefined ? {} : { traceId }
}

/** Reads the backend's own request id, as an event names it: cut to 256 characters, and empty where there is none. */
export function backendRequestOf(backendRequestId: string | undefined): Pick<AuditEvent, "backendRequestId"> {
  if (backendRequestId === undefined || backendRequestId === "") return {}
  return { backendRequestId: backendRequestId.slice(0, maximumBackendRequestIdLength).toWellFormed() }
}

/** The members of an event that say how something failed. */
export interface EventFailure {
  readonly outcome: "failure"
  readonly code: string
  readonly origin: ErrorOrigin
}

/** Says how an event shows an error: by its code and origin, never by its message. */
export function failureOf(error: unknown): EventFailure {
  if (isCodedError(error)) return { outcome: "failure", code: error.code, origin: error.origin }
  return { outcome: "failure", code: "INTERNAL", origin: "host" }
}
