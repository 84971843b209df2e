import type { AuditEvent, AuditRecorder } from "@apeiro-cmk/audit-log"
import { backendRequestOf, traceOf } from "@apeiro-cmk/host-call"
import { type AuditPort, type CallOptions, type PluginKind, pluginKinds } from "@apeiro-cmk/plugin-interface"
import { pluginError } from "@apeiro-cmk/plugin-sdk"

/**
 * Makes the port that records a plugin's reports (logins, renewals) in the audit log of the tenant it works for. A plugin
 * may be plain JavaScript: actions that are not of its kind are refused, so that it cannot forge the host's own.
 */
export function pluginAuditPort(
  audit: AuditRecorder,
  plugin: { readonly name: string; readonly kind: PluginKind },
  replica: string,
): AuditPort {
  const actions: readonly string[] = pluginKinds[plugin.kind].auditActions
  return {
    record: async (event, call) => {
      if (!actions.includes(event.action)) throw foreignAction(plugin.kind, actions)
      await audit.record({
        tenantId: call.tenantId,
        actor: { type: "host", id: replica },
        action: event.action,
        ...subjectOf(call, plugin.name),
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

function foreignAction(kind: PluginKind, actions: readonly string[]) {
  return pluginError(
    "INTERNAL",
    `A plugin of kind ${kind} reported an event that it may not report; it may report ${actions.join(", ")}.`,
    "Report this to the plugin's author.",
    { origin: "plugin" },
  )
}
