import type { CallOptions, PluginAuditEvent, PluginServices } from "@apeiro-cmk/plugin-interface"
import { callOptions, type RunningCall } from "../deadline.ts"
import { createPluginServices, type PluginServicesOptions } from "../plugin-services.ts"
import { type LogSink, logSink } from "./log-sink.ts"

/** Services whose log and audit events a test can look at; all else is real. */
export interface TestServices extends PluginServices {
  readonly logger: LogSink
  /** What the plugin reported to the audit stream, in order. */
  readonly auditEvents: readonly (PluginAuditEvent & Pick<CallOptions, "tenantId">)[]
}

/** Makes {@link TestServices}. @param overrides - e.g. a fake clock, a credential directory, a lookup, or whole services */
export function testServices(
  overrides: Partial<Omit<PluginServicesOptions, "logger"> & Omit<PluginServices, "logger">> = {},
): TestServices {
  const auditEvents: (PluginAuditEvent & Pick<CallOptions, "tenantId">)[] = []
  const { files, tcp, createHttpClient, ...options } = overrides
  const logger = logSink()
  const audit = {
    async record(event: PluginAuditEvent, call: Pick<CallOptions, "tenantId">) {
      auditEvents.push({ ...structuredClone(event), tenantId: call.tenantId })
    },
  }
  return {
    ...createPluginServices({ audit, ...options, logger }),
    ...(files === undefined ? {} : { files }),
    ...(tcp === undefined ? {} : { tcp }),
    ...(createHttpClient === undefined ? {} : { createHttpClient }),
    logger,
    auditEvents,
  }
}

/** Settings of {@link testCall}. */
export interface TestCallSettings {
  /** Default `acme`. */
  readonly tenantId?: string
  /** Default 20 s. */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
}

/**
 * Makes the options of one call in a test. Its timer does not keep the process alive, so `dispose` may be left out.
 */
export function testCall(settings: TestCallSettings = {}): RunningCall {
  return callOptions({ tenantId: "acme", timeoutMs: 20_000, clock: unreferencedClock, ...settings })
}

const unreferencedClock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs: number, callback: () => void) {
    const timer = setTimeout(callback, delayMs).unref()
    return () => clearTimeout(timer)
  },
}
