import type { JsonValue, PluginDefinition, PluginKind } from "@apeiro-cmk/plugin-interface"
import { supervisedPlugin } from "@apeiro-cmk/plugin-sdk/go-plugin"
import { type PluginProcess, supervisorOf, yamlOf } from "./plugin-process.ts"

/**
 * Makes a definition whose plugin runs as a process from one whose plugin runs here: the same manifest, the same checks,
 * another `create`. The process is started by `start` and supervised from then on.
 *
 * @param configuration - with its references resolved: what the package's own parser has accepted
 */
export function isolatedDefinition<Kind extends PluginKind>(
  kind: Kind,
  { manifest, configuration: parsers }: PluginDefinition<Kind>,
  process: PluginProcess,
  configuration: JsonValue,
): PluginDefinition<Kind> {
  return {
    manifest,
    configuration: parsers,
    create: (_configuration, services) =>
      supervisedPlugin(kind, supervisorOf(process, yamlOf(configuration), services)),
  }
}
