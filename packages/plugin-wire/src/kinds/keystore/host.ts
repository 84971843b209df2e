import type { CallOptions, KeystorePluginV1, Plugin } from "@apeiro-cmk/plugin-interface"
import type { PluginConnection } from "../../host/plugin-connection.ts"
import type { Supervisor } from "../../host/supervisor.ts"
import { remoteKeystorePlugin } from "./remote-keystore-plugin.ts"
import { SurvivingKeystore } from "./surviving-keystore.ts"

/** Makes a keystore plugin in a supervised process look like one in this process, by our own service. */
export function remoteKeystores(supervisor: Supervisor): Plugin<"keystore"> {
  return supervisedKeystorePlugin(supervisor, remoteKeystorePlugin)
}

/**
 * Makes a keystore plugin in a supervised process look like one in this process: calls in flight when the process dies
 * are rejected with the origin `plugin`; keystores stay usable, and are opened again in the next process.
 *
 * @param remote - how the plugin in one process is reached
 */
export function supervisedKeystorePlugin(
  supervisor: Supervisor,
  remote: (connection: PluginConnection) => KeystorePluginV1,
): KeystorePluginV1 {
  const plugins = new WeakMap<PluginConnection, KeystorePluginV1>()
  const present = async (call: Pick<CallOptions, "signal">): Promise<KeystorePluginV1> => {
    const connection = await supervisor.connection(call)
    const plugin = plugins.get(connection) ?? remote(connection)
    plugins.set(connection, plugin)
    return plugin
  }
  return {
    start: (signal) => supervisor.start(signal),
    stop: () => supervisor.stop(),
    async openKeystore(configuration, call) {
      const plugin = await present(call)
      const opened = await plugin.openKeystore(configuration, call)
      return new SurvivingKeystore(configuration, present, plugin, opened)
    },
    setupMaterial: async (configuration, call) => (await present(call)).setupMaterial(configuration, call),
  }
}
