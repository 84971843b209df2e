import type { AuditAction, AuditEvent } from "@apeiro-cmk/audit-log"
import { eventOf, type HostCall } from "@apeiro-cmk/host-call"

/** Makes the audit event of a successful act that a request asked for. */
export function auditEventOf(
  call: HostCall,
  action: AuditAction,
  resource: AuditEvent["resource"],
  tenantId: string = call.tenantId,
): AuditEvent {
  return { ...eventOf(action, tenantId, call), resource, outcome: "success" }
}
