import { randomUUID } from "node:crypto"
import type { CallOptions, Clock } from "@apeiro-cmk/plugin-interface"
import { callOptions, pluginError } from "@apeiro-cmk/plugin-sdk"
import type { WireCall } from "../wire/wire-call.ts"
import type { WireError } from "../wire/wire-error.ts"

/** The upstream host has tenants, and does not say which one a call is for. */
const upstreamTenantId = "upstream"

/** Does the work of one call of the upstream host; it rejects with an error that the host understands. */
export type UpstreamCall = <T>(call: WireCall, work: (options: CallOptions) => Promise<T>) => Promise<T>

/**
 * Bounds calls, since the upstream host sets no deadline, and gives each a request id, since it sends none.
 *
 * @param timeoutMs - longest time for each
 */
export function upstreamCalls(clock: Clock, timeoutMs: number, translate: (error: unknown) => WireError): UpstreamCall {
  return async ({ signal, deadlineMs = Number.POSITIVE_INFINITY }, work) => {
    const bounded = Math.min(timeoutMs, deadlineMs - clock.nowMs())
    const requestId = randomUUID()
    const options = callOptions({ tenantId: upstreamTenantId, requestId, timeoutMs: bounded, signal, clock })
    try {
      return await work(options)
    } catch (error) {
      throw translate(error)
    } finally {
      options.dispose()
    }
  }
}

/** Takes the part of a plugin that serves the upstream host. @throws {PluginError} UNSUPPORTED - it has none */
export function upstreamPartOf<Part>({ upstream }: { readonly upstream?: Part }): Part {
  if (upstream !== undefined) return upstream
  throw pluginError("UNSUPPORTED", "This plugin has nothing for the upstream host.", "Use it under our own host.")
}
