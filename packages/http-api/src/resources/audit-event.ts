import type { AuditAction, AuditEvent, HostCall } from "@apeiro-cmk/audit-log"

/** Makes the audit event of a successful act that a request asked for. */
export function auditEventOf(
  call: HostCall,
  action: AuditAction,
  resource: AuditEvent["resource"],
  tenantId: string = call.tenantId,
): AuditEvent {
  return {
    tenantId,
    actor: call.actor,
    action,
    resource,
    outcome: "success",
    requestId: call.requestId,
    ...(call.traceparent === undefined ? {} : { traceId: call.traceparent.slice(3, 35) }),
  }
}
