import type { KeystorePluginV1, PluginServices, SetupDocument } from "@apeiro-cmk/plugin-interface"
import { abortReason, definePlugin, requireConfiguration } from "@apeiro-cmk/plugin-sdk"
import { KeyFile } from "./client.ts"
import { keystoreConfiguration, type PluginConfiguration, pluginConfiguration } from "./config.ts"
import { notStarted } from "./errors.ts"
import { LocalKeystore, lacking } from "./keystore.ts"
import { upstreamHooks } from "./upstream.ts"

/** Keeps L1 keys in a file of the host: for trials, where there is no keystore yet. */
export const plugin = definePlugin({
  manifest: {
    name: "local-keystore",
    pluginType: "local_keystore",
    displayName: "Local keystore (trials only)",
    description: "Keeps L1 keys in a file of the host, for trials without an outside keystore.",
    kind: "keystore",
    contract: "keystore/v1",
    capabilities: ["listKeyVersions", "createKey", "enableKey", "disableKey", "rotateKey"],
    unsupported: lacking,
    activationFacts: {
      l1_key_algorithm: { description: "Algorithm of the L1 key, as the plugin implements it." },
      l1_key_version: { description: "Newest version of the L1 key, as it stands in the key file." },
    },
    identityFields: ["key_name"],
    productionReady: false,
  },
  configuration: { plugin: pluginConfiguration, keystore: keystoreConfiguration },
  create: (configuration, services) => createLocalKeystore(configuration, services),
})

function createLocalKeystore(
  { keyFile: path, keyNames }: PluginConfiguration,
  services: PluginServices,
): KeystorePluginV1 {
  let keyFile: KeyFile | undefined
  const openFile = () => {
    if (keyFile === undefined) throw notStarted()
    return keyFile
  }
  return {
    async start(signal) {
      if (signal.aborted) throw abortReason(signal)
      keyFile = await KeyFile.open(path, keyNames, services)
    },
    async stop() {
      keyFile = undefined
    },
    async openKeystore(input) {
      const { key_name } = requireConfiguration(keystoreConfiguration, input)
      return new LocalKeystore(openFile, services.random, key_name)
    },
    setupMaterial: async (input) => [addKeyName(requireConfiguration(keystoreConfiguration, input).key_name)],
    upstream: upstreamHooks,
  }
}

function addKeyName(keyName: string): SetupDocument {
  const text = [
    "# In the profile, under the configuration of the plugin local-keystore.",
    "# The key is created when the host starts the next time; existing keys stay as they are.",
    "keyNames:",
    ...[...new Set(["default", keyName])].map((name) => `  - ${JSON.stringify(name)}`),
    "",
  ].join("\n")
  return { title: "Have the operator create the L1 key", fileName: "key-names.yaml", language: "yaml", text }
}
