import type { Clock, PluginServices } from "@apeiro-cmk/plugin-interface"

/** What a catalog needs from its host. */
export interface CatalogOptions {
  /** Makes the services of one plugin; the catalog takes the plugin's secrets out of whatever it logs. */
  makeServices(pluginName: string): PluginServices
  readonly clock: Clock
  /** Reads a stored credential for `{source: credential}`; nothing when there is none. Absent: such references fail. */
  readonly readCredential?: (name: string) => Promise<string | undefined>
  /** Only find out whether everything loads: stored credentials are taken as present where the host keeps any, and nothing can be started. */
  readonly onlyCheck?: boolean
}
