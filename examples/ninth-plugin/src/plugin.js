import {
  definePlugin,
  egressConfiguration,
  endpoint,
  requireAllowedUrl,
  requireConfiguration,
  secret,
} from "@apeiro-cmk/plugin-sdk"
import { z } from "zod"
import { PocketClient } from "./client.js"
import { PocketKeystore, unsupportedReasons } from "./keystore.js"

const pluginConfiguration = z.strictObject(egressConfiguration)
const keystoreConfiguration = z.strictObject({
  address: endpoint().meta({ title: "Address of the Pocket KMS" }),
  token: secret().meta({ title: "Token" }),
  key_name: z
    .string()
    .max(64, { abort: true })
    .regex(/^[a-z0-9-]{1,64}$/)
    .meta({ title: "Name of the L1 key" }),
})
const beforeCredentials = keystoreConfiguration.partial({ token: true })

/** The keystore plugin, exported under the name that every host looks for. */
export const plugin = definePlugin({
  manifest: {
    name: "pocket-kms",
    pluginType: "pocket_kms",
    displayName: "Pocket KMS",
    description: "Keeps L1 keys in a Pocket KMS.",
    kind: "keystore",
    contract: "keystore/v1",
    capabilities: ["createKey", "deleteKey"],
    unsupported: unsupportedReasons,
    activationFacts: { server_serial: { description: "Serial number that the Pocket KMS reports for the key." } },
    identityFields: ["address", "key_name"],
    productionReady: false,
  },
  configuration: { plugin: pluginConfiguration, keystore: keystoreConfiguration },
  create(egress, services) {
    let http
    return {
      async start() {
        http = services.createHttpClient({ egress })
      },
      async stop() {
        await http?.close()
      },
      async openKeystore(input) {
        const { address, token, key_name } = requireConfiguration(keystoreConfiguration, input)
        requireAllowedUrl(address, egress)
        return new PocketKeystore(new PocketClient(http, address, token), key_name)
      },
      async setupMaterial(input) {
        const { address, key_name } = requireConfiguration(beforeCredentials, input)
        const text = `curl --request PUT --header @administrator.header ${address}/keys/${key_name}\n`
        return [{ title: "Create the L1 key", fileName: "create-key.sh", language: "bash", text }]
      },
    }
  },
})
