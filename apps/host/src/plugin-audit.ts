import type { AuditEvent, AuditRecorder } from "@apeiro-cmk/audit-log"
import { backendRequestOf, traceOf } from "@apeiro-cmk/host-call"
import type { AuditPort, CallOptions } from "@apeiro-cmk/plugin-interface"

/** Makes the port that records a plugin's reports (logins, renewals) in the audit log of the tenant it works for. */
export function pluginAuditPort(audit: AuditRecorder, pluginName: string, replica: string): AuditPort {
  return {
    record: async (event, call) => {
      await audit.record({
        tenantId: call.tenantId,
        actor: { type: "host", id: replica },
        action: event.action,
        ...subjectOf(call, pluginName),
        outcome: event.outcome,
        ...(event.code === undefined ? {} : { code: event.code }),
        requestId: call.requestId,
        ...traceOf(call),
        ...backendRequestOf(event.backendRequestId),
        ...(event.facts === undefined ? {} : { facts: event.facts }),
      })
    },
  }
}

/** A call to a keystore is about that keystore; every other call is about the plugin. */
function subjectOf(
  { keystoreId }: Pick<CallOptions, "keystoreId">,
  pluginName: string,
): Pick<AuditEvent, "resource" | "keystoreId"> {
  if (keystoreId === undefined) return { resource: { type: "plugin", id: pluginName } }
  return { resource: { type: "keystore", id: keystoreId }, keystoreId }
}
