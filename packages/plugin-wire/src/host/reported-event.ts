import { type CallOptions, type PluginAuditEvent, type PluginKind, pluginKinds } from "@apeiro-cmk/plugin-interface"
import * as z from "zod"
import type { AuditEvent } from "../generated/apeiro/cmk/common/v1/common_pb.js"

/** An event that a plugin's process reported, with the facts of the call that it belongs to. */
export interface ReportedEvent {
  readonly event: PluginAuditEvent
  readonly call: Pick<CallOptions, "tenantId" | "requestId" | "keystoreId" | "traceparent">
}

/** Longest event, in characters of its JSON. */
const longestEvent = 16_384

/** The audit log has no entry for anything else: its error would say that the log is down. */
const tenantIdSyntax = /^(?:[a-z0-9][a-z0-9-]{0,39}|_platform)$/
const codeSyntax = /^[A-Z][A-Z0-9_]{0,63}$/

const callShape = z.object({
  tenantId: z.string().regex(tenantIdSyntax),
  requestId: z.string().min(1).max(128),
  keystoreId: z.string().max(63),
  traceparent: z.string(),
})

/**
 * Makes a reader of the events that a plugin of a kind may report. It returns `undefined` for anything else: an action of
 * another kind, an unknown member, a code that is not one, an event without a valid tenant id or without a request.
 */
export function reportedEvents(kind: PluginKind): (message: AuditEvent) => ReportedEvent | undefined {
  const eventShape: z.ZodType<PluginAuditEvent> = z.strictObject({
    action: z.enum(pluginKinds[kind].auditActions),
    outcome: z.enum(["success", "failure"]),
    code: z.string().regex(codeSyntax).exactOptional(),
    backendRequestId: z.string().exactOptional(),
    facts: z.record(z.string(), z.string()).exactOptional(),
  })
  return ({ caller, json }) => {
    const event = json.length <= longestEvent ? eventShape.safeParse(parsed(json)).data : undefined
    const call = callShape.safeParse(caller).data
    if (event === undefined || call === undefined) return undefined
    const { tenantId, requestId, keystoreId, traceparent } = call
    return {
      event,
      call: {
        ...{ tenantId, requestId },
        ...(keystoreId === "" ? {} : { keystoreId }),
        ...(traceparent === "" ? {} : { traceparent }),
      },
    }
  }
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    return undefined // not JSON: refused like any other text that is not an event
  }
}
