import type { Catalog } from "../../catalog/catalog.ts"
import type { RunningPlugin } from "../../catalog/plugin-slot.ts"

/** Finds running keystore plugins by the plugin type of their manifests: the port of the keystore manager. */
export class KeystorePlugins {
  readonly #catalog: Pick<Catalog, "running">

  constructor(catalog: Pick<Catalog, "running">) {
    this.#catalog = catalog
  }

  /** Returns the running plugin that serves a `plugin_type`. */
  keystorePlugin(pluginType: string): RunningPlugin<"keystore"> | undefined {
    return this.#catalog.running("keystore").find(({ definition }) => definition.manifest.pluginType === pluginType)
  }

  /** Returns the `plugin_type`s that running plugins serve. */
  keystorePluginTypes(): readonly string[] {
    return this.#catalog.running("keystore").map(({ definition }) => definition.manifest.pluginType)
  }
}
