import type { Clock, PluginKind, PluginServices } from "@apeiro-cmk/plugin-interface"

/** Services of the host that {@link loadCatalog} builds on. */
export interface CatalogOptions {
  /** Makes the services of one plugin; the catalog takes the plugin's secrets out of whatever it logs. */
  makeServices(pluginName: string, kind: PluginKind): PluginServices
  readonly clock: Clock
}
