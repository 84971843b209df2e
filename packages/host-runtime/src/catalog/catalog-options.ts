import type { Clock, PluginServices } from "@apeiro-cmk/plugin-interface"

/** What {@link loadCatalog} needs of its host. */
export interface CatalogOptions {
  /** Makes the services of one plugin; the catalog takes the plugin's secrets out of whatever it logs. */
  makeServices(pluginName: string): PluginServices
  readonly clock: Clock
}
