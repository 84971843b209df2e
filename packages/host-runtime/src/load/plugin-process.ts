import type { JsonValue, PluginAuditEvent, PluginKind, PluginServices } from "@apeiro-cmk/plugin-interface"
import {
  connectPlugin,
  createSupervisor,
  type PluginConnection,
  type PluginConnectionOptions,
  type PluginProcessOptions,
  type Supervisor,
  type WireLogLine,
  wirePluginTypes,
} from "@apeiro-cmk/plugin-sdk/go-plugin"
import * as z from "zod"
import type { ProcessLogLevel } from "../profile/profile.ts"

/** A plugin that runs as a process of its own. */
export interface PluginProcess extends Pick<PluginProcessOptions, "path" | "args" | "env" | "checksum"> {
  /** Name of the entry in the profile. */
  readonly name: string
  readonly kind: PluginKind
  /** What is less important is not logged. */
  readonly logLevel: ProcessLogLevel
}

/** How a process is asked for a plugin of its kind. */
export function connectionOptions({ kind, path, args, env, checksum }: PluginProcess): PluginConnectionOptions {
  return {
    ...wirePluginTypes[kind],
    path,
    ...(args === undefined ? {} : { args }),
    ...(env === undefined ? {} : { env }),
    ...(checksum === undefined ? {} : { checksum }),
  }
}

/** Watches the process, which is configured and whose log goes on into the host's. */
export function supervisorOf(process: PluginProcess, yamlConfiguration: string, services: PluginServices): Supervisor {
  const connect = (): Promise<PluginConnection> =>
    connectPlugin({
      ...connectionOptions(process),
      yamlConfiguration,
      onLog: (line) => passOn(line, process.logLevel, services),
    })
  return createSupervisor({ name: process.name, connect, clock: services.clock, logger: services.logger })
}

/** JSON is YAML. */
export function yamlOf(configuration: JsonValue): string {
  return JSON.stringify(configuration)
}

const auditEvent = z.object({
  tenantId: z.string(),
  action: z.enum(["keystoreLogin", "keystoreTokenRenewal", "keystoreSessionOpen"]),
  outcome: z.enum(["success", "failure"]),
  code: z.string().optional(),
  backendRequestId: z.string().optional(),
  facts: z.record(z.string(), z.string()).optional(),
})

const levels: readonly ProcessLogLevel[] = ["trace", "debug", "info", "warn", "error"]

/** The process has no way to the audit stream but its log: its events are put where they belong. */
function passOn(
  { level, message, fields }: WireLogLine,
  least: ProcessLogLevel,
  { logger, audit }: PluginServices,
): void {
  const event = message === "audit" ? auditEvent.safeParse(fields) : undefined
  if (event?.success !== true) {
    if (levels.indexOf(level) < levels.indexOf(least)) return
    logger[level === "trace" ? "debug" : level](message, fields)
    return
  }
  const { tenantId, action, outcome, code, backendRequestId, facts } = event.data
  const recorded: PluginAuditEvent = {
    ...{ action, outcome },
    ...(code === undefined ? {} : { code }),
    ...(backendRequestId === undefined ? {} : { backendRequestId }),
    ...(facts === undefined ? {} : { facts }),
  }
  audit.record(recorded, { tenantId }).catch(() => {
    logger.error("an event of the plugin's process could not be recorded", { action, outcome })
  })
}
