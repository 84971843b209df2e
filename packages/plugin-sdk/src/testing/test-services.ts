import type { CallOptions, PluginAuditEvent, PluginServices } from "@apeiro-cmk/plugin-interface"
import { callOptions, type RunningCall } from "../calls/deadline.ts"
import { createPluginServices, type PluginServicesOptions } from "../services/plugin-services.ts"
import { type LogSink, logSink } from "./log-sink.ts"

/** An event that a plugin reported, with the call that it belongs to. */
export type ReportedEvent = PluginAuditEvent & Pick<CallOptions, "tenantId" | "requestId" | "keystoreId">

/** Services whose log and audit events a test can inspect; the rest is real. */
export interface TestServices extends PluginServices {
  readonly logger: LogSink
  /** Events that the plugin reported to the audit stream, in order. */
  readonly auditEvents: readonly ReportedEvent[]
}

/** Makes {@link TestServices}. @param overrides - e.g. a fake clock, a credential directory, a lookup, or whole services */
export function testServices(
  overrides: Partial<Omit<PluginServicesOptions, "logger"> & Omit<PluginServices, "logger">> = {},
): TestServices {
  const auditEvents: ReportedEvent[] = []
  const { files, tcp, createHttpClient, ...options } = overrides
  const logger = logSink()
  const audit = {
    async record(
      event: PluginAuditEvent,
      { tenantId, requestId, keystoreId }: Pick<CallOptions, "tenantId" | "requestId" | "keystoreId">,
    ) {
      const keystore = keystoreId === undefined ? {} : { keystoreId }
      auditEvents.push({ ...structuredClone(event), tenantId, requestId, ...keystore })
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
  /** Default `test-request`. */
  readonly requestId?: string
  /** Default `test-keystore`. */
  readonly keystoreId?: string
  /** Default 20 s. */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
}

/**
 * Makes the options of one call in a test. Its timer does not keep the process alive, so `dispose` may be left out.
 */
export function testCall(settings: TestCallSettings = {}): RunningCall {
  return callOptions({
    tenantId: "acme",
    requestId: "test-request",
    keystoreId: "test-keystore",
    timeoutMs: 20_000,
    clock: unreferencedClock,
    ...settings,
  })
}

const unreferencedClock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs: number, callback: () => void) {
    const timer = setTimeout(callback, delayMs).unref()
    return () => clearTimeout(timer)
  },
}
