import type { PluginDefinition } from "@apeiro-cmk/plugin-interface"
import { configurationError } from "@apeiro-cmk/plugin-sdk"
import { testServices } from "@apeiro-cmk/plugin-sdk/testing"
import type { ConfiguredOnceKind, OpenedPlugin, PluginConfigurationInput } from "./options.ts"

/** A plugin that was created, with all that it logs and reports, as `open` of `pluginContract` returns it. */
export type CreatedPlugin<Kind extends ConfiguredOnceKind> = Pick<OpenedPlugin<Kind>, "plugin" | "logs"> &
  Required<Pick<OpenedPlugin<Kind>, "auditEvents">>

/**
 * Creates a plugin in this process, without starting it.
 *
 * @param configuration - as an operator writes it
 * @throws {PluginError} INVALID_REQUEST - the plugin refuses the configuration; nothing was created
 */
export function createInProcess<Kind extends ConfiguredOnceKind, Configuration>(
  definition: PluginDefinition<Kind, Configuration>,
  configuration: PluginConfigurationInput,
): CreatedPlugin<Kind> {
  const parsed = definition.configuration.plugin.parse(configuration)
  if (!parsed.ok) throw configurationError(parsed.issues)
  const services = testServices()
  return {
    plugin: definition.create(parsed.value, services),
    logs: () => services.logger.text(),
    auditEvents: () => services.auditEvents,
  }
}
