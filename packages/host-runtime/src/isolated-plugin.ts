import type { AnyPluginDefinition, JsonValue } from "@apeiro-cmk/plugin-interface"
import { loadRemotePlugin } from "@apeiro-cmk/plugin-wire"
import { type PluginProcess, supervisorOf, yamlOf } from "./plugin-process.ts"

/**
 * Makes of a package's definition one whose plugin runs as a process: the same manifest, the same checks, another
 * `create`. The process is started by `start` and watched from then on.
 *
 * @param configuration - with its references resolved: what the package's own parser has accepted
 */
export async function isolatedDefinition(
  definition: AnyPluginDefinition,
  process: PluginProcess,
  configuration: JsonValue,
): Promise<AnyPluginDefinition> {
  const remotePlugin = await loadRemotePlugin(definition.manifest.kind)
  const supervised = {
    ...definition,
    create: (_configuration: unknown, services: Parameters<AnyPluginDefinition["create"]>[1]) =>
      remotePlugin(supervisorOf(process, yamlOf(configuration), services)),
  }
  // `create` gives the kind of plugin that the manifest says.
  return supervised as AnyPluginDefinition
}
