import type { JsonValue, KeystorePluginV1 } from "@apeiro-cmk/plugin-interface"
import { connectPlugin, remoteKeystorePlugin, type WireLogLine } from "@apeiro-cmk/plugin-wire"

/** The executable of a plugin's package. */
export interface PluginExecutable {
  /** Absolute path; no shell is in between. */
  readonly path: string
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

/** A plugin in a process of its own, as `open` of the keystore contract needs it. */
export interface OpenedOverWire {
  /** The plugin; its `stop` ends the process. */
  readonly plugin: KeystorePluginV1
  /** All that the process has logged up to now, as text. */
  logs(): string
  /** All that the plugin has reported to the audit stream up to now. */
  auditEvents(): readonly unknown[]
}

/**
 * Starts a plugin's executable as the host does, so that the same cases run over the wire that run in process.
 *
 * @param pluginConfiguration - as an operator writes it
 * @throws {PluginProcessError} it does not start, or refuses its configuration
 */
export async function openOverWire(
  executable: PluginExecutable,
  pluginConfiguration: JsonValue = {},
): Promise<OpenedOverWire> {
  const lines: WireLogLine[] = []
  const events: unknown[] = []
  // Node's own cache of compiled code, where the test run has one: a case for each start adds up.
  const { NODE_COMPILE_CACHE: cache } = process.env
  const connection = await connectPlugin({
    ...executable,
    env: { ...(cache === undefined ? {} : { NODE_COMPILE_CACHE: cache }), ...executable.env },
    type: "KeystoreInstanceKeyOperation",
    serviceName: "plugin.keystore.operations.v1.KeystoreInstanceKeyOperation",
    // JSON is YAML.
    yamlConfiguration: JSON.stringify(pluginConfiguration),
    audit: { kind: "keystore", port: { record: async (event, call) => void events.push({ ...event, ...call }) } },
    onLog: (line) => lines.push(line),
  })
  return {
    plugin: remoteKeystorePlugin(connection),
    logs: () => lines.map((line) => JSON.stringify(line)).join("\n"),
    auditEvents: () => events,
  }
}
