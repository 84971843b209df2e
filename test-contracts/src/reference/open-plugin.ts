import type { PluginDefinition } from "@apeiro-cmk/plugin-interface"
import { createInProcess } from "../configured-once/create-in-process.ts"
import type { OpenedPlugin, OpenPluginRequest } from "../configured-once/options.ts"
import { tcpFaultProxy } from "../fault-proxy/proxy.ts"
import { createOverWire } from "../wire/create-over-wire.ts"
import type { PluginExecutable } from "../wire/plugin-process.ts"
import { startReferenceBackend } from "./backend.ts"
import type { ReferenceKind } from "./plugins.ts"

/**
 * Opens a reference plugin, or a changed one of the same configuration, for `pluginContract`: a separate backend and proxy
 * for each case.
 *
 * @param executable - the plugin's, started for each case. Default: the plugin runs in this process
 */
export function openReferencePlugin<Kind extends ReferenceKind, Configuration>(
  kind: Kind,
  definition: PluginDefinition<Kind, Configuration>,
  executable?: PluginExecutable,
): (request: OpenPluginRequest) => Promise<OpenedPlugin<Kind>> {
  return async ({ change = (valid) => valid }) => {
    const server = await startReferenceBackend(kind)
    const proxy = await tcpFaultProxy({ target: server })
    const configuration = change({
      allowedEndpoints: ["http://127.0.0.1:*"],
      allowedAddresses: ["127.0.0.0/8"],
      address: `http://127.0.0.1:${proxy.port}`,
      api_key: server.apiKey,
    })
    const close = async () => {
      await proxy.close()
      await server.close()
    }
    try {
      const created =
        executable === undefined
          ? createInProcess(definition, configuration)
          : await createOverWire(kind, executable, configuration)
      return { ...created, configuration, proxy, canaries: [server.apiKey], close }
    } catch (error) {
      await close()
      throw error
    }
  }
}
