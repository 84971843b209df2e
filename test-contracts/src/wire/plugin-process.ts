import type { JsonValue, PluginKind } from "@apeiro-cmk/plugin-interface"
import { connectPlugin, type PluginConnection, type WireLogLine, wirePluginType } from "@apeiro-cmk/plugin-wire"

/** The executable of a plugin's package. */
export interface PluginExecutable {
  /** Absolute path; it is started without a shell. */
  readonly path: string
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

/** A plugin's process, started and configured, with all that it logs and reports. */
export interface StartedProcess {
  readonly connection: PluginConnection
  /** Returns everything that the process has logged up to now, as text. */
  logs(): string
  /** Returns everything that the plugin has reported to the audit stream up to now. */
  auditEvents(): readonly unknown[]
}

/**
 * Starts a plugin's executable as the host does.
 *
 * @throws {PluginProcessError} it does not start, or refuses its configuration
 */
export async function startProcess(
  kind: PluginKind,
  executable: PluginExecutable,
  configuration: JsonValue,
): Promise<StartedProcess> {
  const output = new ProcessOutput()
  // Node's own cache of compiled code, where the test run has one: a case for each start adds up.
  const { NODE_COMPILE_CACHE: cache } = process.env
  const connection = await connectPlugin({
    ...executable,
    ...wirePluginType(kind),
    env: { ...(cache === undefined ? {} : { NODE_COMPILE_CACHE: cache }), ...executable.env },
    // JSON is YAML.
    yamlConfiguration: JSON.stringify(configuration),
    audit: { kind, port: { record: async (event, call) => output.report({ ...event, ...call }) } },
    onLog: (line) => output.log(line),
  })
  return { connection, logs: () => output.logs(), auditEvents: () => output.auditEvents() }
}

/** Collects all that a plugin's process logs and reports. */
class ProcessOutput {
  readonly #lines: WireLogLine[] = []
  readonly #events: unknown[] = []

  log(line: WireLogLine): void {
    this.#lines.push(line)
  }

  report(event: unknown): void {
    this.#events.push(event)
  }

  logs(): string {
    return this.#lines.map((line) => JSON.stringify(line)).join("\n")
  }

  auditEvents(): readonly unknown[] {
    return this.#events
  }
}
