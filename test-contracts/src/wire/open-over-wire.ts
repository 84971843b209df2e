import type { JsonValue, KeystorePluginV1 } from "@apeiro-cmk/plugin-interface"
import { remoteKeystorePlugin } from "@apeiro-cmk/plugin-wire"
import { type PluginExecutable, type StartedProcess, startProcess } from "./plugin-process.ts"

/** A keystore plugin in a separate process, as `open` of the keystore contract returns it. */
export interface OpenedOverWire extends Pick<StartedProcess, "logs" | "auditEvents"> {
  /** The plugin; its `stop` ends the process. */
  readonly plugin: KeystorePluginV1
}

/**
 * Starts a keystore plugin's executable as the host does, so that the cases that run in process also run over the wire.
 *
 * @param pluginConfiguration - as an operator writes it
 * @throws {PluginProcessError} it does not start, or refuses its configuration
 */
export async function openOverWire(
  executable: PluginExecutable,
  pluginConfiguration: JsonValue = {},
): Promise<OpenedOverWire> {
  const { connection, logs, auditEvents } = await startProcess("keystore", executable, pluginConfiguration)
  return { plugin: remoteKeystorePlugin(connection), logs, auditEvents }
}
