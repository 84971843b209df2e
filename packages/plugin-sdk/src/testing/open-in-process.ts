import type { Plugin, PluginDefinition, PluginKind, PluginServices } from "@apeiro-cmk/plugin-interface"
import { configurationError } from "../configuration/configuration.ts"
import { testServices } from "./test-services.ts"

/** Options of {@link openInProcess}. */
export interface InProcessOptions {
  /** As an operator writes it. Default `{}`. */
  readonly pluginConfiguration?: unknown
  /** Default {@link testServices}. */
  readonly services?: PluginServices
  /** Bounds the start. Default: 30 s. */
  readonly signal?: AbortSignal
}

/**
 * Opens a plugin in this process as the host does: parses its configuration, creates it, starts it. The caller stops it.
 *
 * @throws {PluginError} INVALID_REQUEST - the plugin configuration is wrong; nothing was created
 */
export async function openInProcess<Kind extends PluginKind, Configuration>(
  definition: PluginDefinition<Kind, Configuration>,
  { pluginConfiguration = {}, services = testServices(), signal = AbortSignal.timeout(30_000) }: InProcessOptions = {},
): Promise<Plugin<Kind>> {
  const parsed = definition.configuration.plugin.parse(pluginConfiguration)
  if (!parsed.ok) throw configurationError(parsed.issues)
  const plugin = definition.create(parsed.value, services)
  try {
    await plugin.start(signal)
  } catch (error) {
    await plugin.stop()
    throw error
  }
  return plugin
}
