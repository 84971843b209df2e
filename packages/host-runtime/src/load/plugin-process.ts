import type { JsonValue, Logger, PluginKind, PluginServices } from "@apeiro-cmk/plugin-interface"
import {
  type AuditReports,
  connectPlugin,
  createSupervisor,
  type PluginConnection,
  type PluginConnectionOptions,
  type PluginProcessOptions,
  type Supervisor,
  type WireLogLine,
  wirePluginType,
} from "@apeiro-cmk/plugin-wire"
import type { ProcessLogLevel } from "../profile/profile.ts"

/** A plugin that runs as a separate process. */
export interface PluginProcess extends Pick<PluginProcessOptions, "path" | "args" | "env" | "checksum"> {
  /** Name of the entry in the profile. */
  readonly name: string
  readonly kind: PluginKind
  /** Least important level that is logged. */
  readonly logLevel: ProcessLogLevel
}

/** Makes the options by which a process is asked for a plugin of its kind. */
export function connectionOptions({ kind, path, args, env, checksum }: PluginProcess): PluginConnectionOptions {
  return {
    ...wirePluginType(kind),
    path,
    ...(args === undefined ? {} : { args }),
    ...(env === undefined ? {} : { env }),
    ...(checksum === undefined ? {} : { checksum }),
  }
}

/**
 * Watches the process, which is configured. Its log goes into the host's log, and its audit events into the audit streams
 * of the tenants.
 */
export function supervisorOf(process: PluginProcess, yamlConfiguration: string, services: PluginServices): Supervisor {
  const connect = (): Promise<PluginConnection> =>
    connectPlugin({
      ...connectionOptions(process),
      yamlConfiguration,
      audit: auditReportsOf(process, services),
      onLog: (line) => passOn(line, process.logLevel, services.logger),
    })
  return createSupervisor({ name: process.name, connect, clock: services.clock, logger: services.logger })
}

/** Writes a configuration as YAML, of which JSON is a part. */
export function yamlOf(configuration: JsonValue): string {
  return JSON.stringify(configuration)
}

/** The process receives an acknowledgement for each event that the host's audit log has recorded. */
function auditReportsOf({ name, kind }: PluginProcess, { audit, logger }: PluginServices): AuditReports {
  return {
    kind,
    port: audit,
    onUnrecorded: (reason) =>
      logger.error("an audit event of the plugin's process was not recorded", { plugin: name, reason }),
  }
}

const levels: readonly ProcessLogLevel[] = ["trace", "debug", "info", "warn", "error"]

function passOn({ level, message, fields }: WireLogLine, least: ProcessLogLevel, logger: Logger): void {
  if (levels.indexOf(level) < levels.indexOf(least)) return
  logger[level === "trace" ? "debug" : level](message, fields)
}
