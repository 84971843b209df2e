import type { JsonValue, PluginDefinition, PluginKind } from "@apeiro-cmk/plugin-interface"
import { loadRemotePlugin } from "@apeiro-cmk/plugin-wire"
import { type PluginProcess, supervisorOf, yamlOf } from "./plugin-process.ts"

/**
 * Makes a definition whose plugin runs as a process from one whose plugin runs here: the same manifest, the same checks,
 * another `create`. The process is started by `start` and supervised from then on.
 *
 * @param configuration - with its references resolved: what the package's own parser has accepted
 */
export async function isolatedDefinition<Kind extends PluginKind>(
  kind: Kind,
  { manifest, configuration: parsers }: PluginDefinition<Kind>,
  process: PluginProcess,
  configuration: JsonValue,
): Promise<PluginDefinition<Kind>> {
  const remotePlugin = await loadRemotePlugin(kind)
  return {
    manifest,
    configuration: parsers,
    create: (_configuration, services) => remotePlugin(supervisorOf(process, yamlOf(configuration), services)),
  }
}
