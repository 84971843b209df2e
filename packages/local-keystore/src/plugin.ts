import type {
  KeystoreConfigurationInput,
  KeystorePluginV1,
  KeystoreV1,
  PluginServices,
  SetupDocument,
} from "@apeiro-cmk/plugin-interface"
import { abortReason, definePlugin, requireConfiguration } from "@apeiro-cmk/plugin-sdk"
import { KeyFile } from "./client.ts"
import { keystoreConfiguration, type PluginConfiguration, pluginConfiguration } from "./config.ts"
import { notStarted } from "./errors.ts"
import { LocalKeystore, unsupportedReasons } from "./keystore.ts"
import { upstreamHooks } from "./upstream.ts"

/** Keeps L1 keys in a file of the host, for trials without a keystore. */
export const plugin = definePlugin({
  manifest: {
    name: "local-keystore",
    pluginType: "local_keystore",
    displayName: "Local keystore (trials only)",
    description: "Keeps L1 keys in a file of the host, for trials without an external keystore.",
    kind: "keystore",
    contract: "keystore/v1",
    capabilities: ["listKeyVersions", "createKey", "enableKey", "disableKey", "rotateKey"],
    unsupported: unsupportedReasons,
    activationFacts: {
      l1_key_algorithm: { description: "Algorithm of the L1 key, as the plugin implements it." },
      l1_key_version: { description: "Newest version of the L1 key in the key file." },
    },
    identityFields: ["key_name"],
    productionReady: false,
  },
  configuration: { plugin: pluginConfiguration, keystore: keystoreConfiguration },
  create: (settings, services) => new LocalKeystorePlugin(settings, services),
})

class LocalKeystorePlugin implements KeystorePluginV1 {
  readonly upstream = upstreamHooks
  readonly #settings: PluginConfiguration
  readonly #services: PluginServices
  #keyFile: KeyFile | undefined

  constructor(settings: PluginConfiguration, services: PluginServices) {
    this.#settings = settings
    this.#services = services
  }

  async start(signal: AbortSignal): Promise<void> {
    if (signal.aborted) throw abortReason(signal)
    const { keyFile: path, keyNames } = this.#settings
    this.#keyFile = await KeyFile.open(path, keyNames, this.#services)
  }

  async stop(): Promise<void> {
    this.#keyFile = undefined
  }

  async openKeystore(input: KeystoreConfigurationInput): Promise<KeystoreV1> {
    const { key_name: keyName } = requireConfiguration(keystoreConfiguration, input)
    const keyFile = () => {
      if (this.#keyFile === undefined) throw notStarted()
      return this.#keyFile
    }
    return new LocalKeystore(keyFile, this.#services, keyName)
  }

  async setupMaterial(input: KeystoreConfigurationInput): Promise<readonly SetupDocument[]> {
    return [addKeyName(requireConfiguration(keystoreConfiguration, input).key_name)]
  }
}

function addKeyName(keyName: string): SetupDocument {
  const text = [
    "# In the profile, in the configuration of the plugin local-keystore.",
    "# The host creates the key at its next start; existing keys do not change.",
    "keyNames:",
    ...[...new Set(["default", keyName])].map((name) => `  - ${JSON.stringify(name)}`),
    "",
  ].join("\n")
  return { title: "Have the operator create the L1 key", fileName: "key-names.yaml", language: "yaml", text }
}
