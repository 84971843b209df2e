import type { KeystoreProviderV1 } from "@apeiro-cmk/plugin-interface"
import { pluginError } from "@apeiro-cmk/plugin-sdk"
import { pluginFor } from "../document.ts"
import type { KeystorePluginCatalog } from "../ports.ts"

/**
 * Looks up the provider of a plugin.
 * @throws {KeystoreManagerError} PLUGIN_TYPE_UNKNOWN
 * @throws {PluginError} UNSUPPORTED - the operator has configured no server for the plugin
 */
export function providerOf(catalog: KeystorePluginCatalog, pluginType: string): KeystoreProviderV1 {
  const { provider } = pluginFor(catalog, pluginType).instance
  if (provider !== undefined) return provider
  throw pluginError(
    "UNSUPPORTED",
    `The plugin ${pluginType} makes no keystores here: the platform has no server for it.`,
    "Ask the operator to configure one, as docs/guides/platform-openbao.md says, or connect a keystore of your own.",
  )
}
