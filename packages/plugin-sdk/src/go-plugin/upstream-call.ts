import type { CallOptions, Clock } from "@apeiro-cmk/plugin-interface"
import { callOptions } from "../deadline.ts"
import { pluginError } from "../error-facts.ts"
import type { WireCall } from "./wire/unary-service.ts"
import type { WireError } from "./wire/wire-error.ts"

/** The upstream host knows tenants, and does not say which one a call is for. */
const upstreamTenantId = "upstream"

/** Does the work of one call of the upstream host; what it rejects with is what that host understands. */
export type UpstreamCall = <T>(call: WireCall, work: (options: CallOptions) => Promise<T>) => Promise<T>

/**
 * Bounds calls: the upstream host sets no deadline.
 *
 * @param timeoutMs - longest time for each
 */
export function upstreamCalls(clock: Clock, timeoutMs: number, translate: (error: unknown) => WireError): UpstreamCall {
  return async ({ signal, deadlineMs = Number.POSITIVE_INFINITY }, work) => {
    const bounded = Math.min(timeoutMs, deadlineMs - clock.nowMs())
    const options = callOptions({ tenantId: upstreamTenantId, timeoutMs: bounded, signal, clock })
    try {
      return await work(options)
    } catch (error) {
      throw translate(error)
    } finally {
      options.dispose()
    }
  }
}

/** What a plugin has for the upstream host. @throws {PluginError} UNSUPPORTED - nothing */
export function upstreamPartOf<Part>({ upstream }: { readonly upstream?: Part }): Part {
  if (upstream !== undefined) return upstream
  throw pluginError("UNSUPPORTED", "This plugin has nothing for the upstream host.", "Use it under our own host.")
}
