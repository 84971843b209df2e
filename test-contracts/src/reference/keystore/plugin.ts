import type { HttpClient, KeystorePluginV1, PluginServices } from "@apeiro-cmk/plugin-interface"
import {
  definePlugin,
  egressConfiguration,
  endpoint,
  requireAllowedUrl,
  requireConfiguration,
  secret,
} from "@apeiro-cmk/plugin-sdk"
import * as z from "zod"
import { JsonClient } from "../json-client.ts"
import { ReferenceKeystore } from "./keystore.ts"
import { keystoreMeanings } from "./meanings.ts"

const pluginConfiguration = z.strictObject(egressConfiguration)
const keystoreConfiguration = z.strictObject({
  address: endpoint().meta({ title: "Address of the reference server" }),
  api_key: secret().meta({ title: "API key" }),
  key_name: z.string().min(1).max(100).meta({ title: "Name of the L1 key" }),
})

/**
 * A keystore plugin against which the kit proves itself, and the shortest complete example of one. Its keystore is
 * `startReferenceServer()`, which keeps keys in memory: for tests only.
 */
export const referencePlugin = definePlugin({
  manifest: {
    name: "reference",
    pluginType: "reference",
    displayName: "Reference keystore",
    description: "Connects the reference server of the conformance kit.",
    kind: "keystore",
    contract: "keystore/v1",
    capabilities: ["listKeyVersions", "createKey", "enableKey", "disableKey", "rotateKey", "deleteKey", "importKey"],
    unsupported: {},
    activationFacts: { key_found: { description: "True when the reference server described the key." } },
    identityFields: ["address", "key_name"],
    productionReady: false,
  },
  configuration: { plugin: pluginConfiguration, keystore: keystoreConfiguration },
  create: (configuration, services) => createReference(configuration, services),
})

function createReference(egress: z.output<typeof pluginConfiguration>, services: PluginServices): KeystorePluginV1 {
  let http: HttpClient | undefined
  return {
    async start() {
      http = services.createHttpClient({ egress })
    },
    async stop() {
      await http?.close()
    },
    async openKeystore(input) {
      const { address, api_key, key_name } = requireConfiguration(keystoreConfiguration, input)
      requireAllowedUrl(address, egress)
      http ??= services.createHttpClient({ egress })
      return new ReferenceKeystore(new JsonClient(http, address, api_key, keystoreMeanings), key_name)
    },
    async setupMaterial(input) {
      const { key_name } = requireConfiguration(keystoreConfiguration.partial({ api_key: true }), input)
      const text = `POST / {"operation": "create", "key": ${JSON.stringify(key_name)}}\n`
      return [{ title: "Create the L1 key", fileName: "create-key.txt", language: "text", text }]
    },
  }
}
