import type { AuditRecorder } from "@apeiro-cmk/audit-log"
import type { AuditPort } from "@apeiro-cmk/plugin-interface"

/** Makes the port that records a plugin's reports (logins, renewals, sessions) in the audit log of the tenant it works for. */
export function pluginAuditPort(audit: AuditRecorder, pluginName: string, replica: string): AuditPort {
  return {
    record: async (event, call) => {
      await audit.record({
        tenantId: call.tenantId,
        actor: { type: "host", id: replica },
        action: event.action,
        resource: { type: "keystore", id: pluginName },
        outcome: event.outcome,
        ...(event.code === undefined ? {} : { code: event.code }),
        ...(event.backendRequestId === undefined ? {} : { backendRequestId: event.backendRequestId }),
        ...(event.facts === undefined ? {} : { facts: event.facts }),
        ...(call.traceparent === undefined ? {} : { traceId: call.traceparent.slice(3, 35) }),
      })
    },
  }
}
