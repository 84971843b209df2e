import { loadRemotePlugin } from "@apeiro-cmk/plugin-wire"
import type { CreatedPlugin } from "../configured-once/create-in-process.ts"
import type { ConfiguredOnceKind, PluginConfigurationInput } from "../configured-once/options.ts"
import { type PluginExecutable, startProcess } from "./plugin-process.ts"

/**
 * Starts the executable of a plugin that the operator configures once, as the host does. Its `stop` ends the process; its
 * `start` has no effect, since the process starts the plugin when it is configured.
 *
 * @param configuration - as an operator writes it
 * @throws {PluginProcessError} it does not start, or refuses its configuration
 */
export async function createOverWire<Kind extends ConfiguredOnceKind>(
  kind: Kind,
  executable: PluginExecutable,
  configuration: PluginConfigurationInput,
): Promise<CreatedPlugin<Kind>> {
  const remotePlugin = await loadRemotePlugin(kind)
  const { connection, logs, auditEvents } = await startProcess(kind, executable, configuration)
  const plugin = remotePlugin({
    start: async () => undefined,
    stop: () => connection.close(),
    connection: async () => connection,
  })
  return { plugin, logs, auditEvents }
}
