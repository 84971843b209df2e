import type { AnyPluginDefinition, JsonValue } from "@apeiro-cmk/plugin-interface"
import { supervisedPlugin } from "@apeiro-cmk/plugin-sdk/go-plugin"
import { type PluginProcess, supervisorOf, yamlOf } from "./plugin-process.ts"

/**
 * Makes of a package's definition one whose plugin runs as a process: the same manifest, the same checks, another
 * `create`. The process is started by `start` and watched from then on.
 *
 * @param configuration - with its references resolved: what the package's own parser has accepted
 */
export function isolatedDefinition(
  definition: AnyPluginDefinition,
  process: PluginProcess,
  configuration: JsonValue,
): AnyPluginDefinition {
  const supervised = {
    ...definition,
    create: (_configuration: unknown, services: Parameters<AnyPluginDefinition["create"]>[1]) =>
      supervisedPlugin(definition.manifest.kind, supervisorOf(process, yamlOf(configuration), services)),
  }
  // `create` gives the kind of plugin that the manifest says.
  return supervised as AnyPluginDefinition
}
