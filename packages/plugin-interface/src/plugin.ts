import type { ConfigurationParser } from "./configuration.ts"
import type { Plugin, PluginKind, PluginManifest, PluginTypes } from "./kinds/table.ts"
import type { PluginServices } from "./services.ts"

/** The value that a plugin package exports under the name `plugin`. */
export interface PluginDefinition<Kind extends PluginKind, PluginConfiguration = unknown> {
  readonly manifest: PluginManifest<Kind>
  readonly configuration: {
    readonly plugin: ConfigurationParser<PluginConfiguration>
  } & PluginTypes[Kind]["configuration"]
  /** Makes the plugin. Touches no network and no file. */
  create(configuration: PluginConfiguration, services: PluginServices<Kind>): Plugin<Kind>
}

/** A definition of any kind. */
export type AnyPluginDefinition = { readonly [Kind in PluginKind]: PluginDefinition<Kind> }[PluginKind]
