import type { CallOptions, KeystoreV1 } from "@apeiro-cmk/plugin-interface"
import {
  definePlugin,
  egressConfiguration,
  encodeEncryptionContext,
  endpoint,
  pluginError,
  requireAllowedUrl,
  requireConfiguration,
  secret,
  unsupportedOperations,
} from "@apeiro-cmk/plugin-sdk"
import * as z from "zod"

const keystoreConfiguration = z.strictObject({
  address: endpoint().meta({ title: "Server address" }),
  key_name: z.string().min(1).max(200).meta({ title: "Name of the L1 key" }),
  token: secret().meta({ title: "API token" }),
})

const onlyEncryption = "the example server can only encrypt and decrypt"
const unsupported = {
  listKeyVersions: onlyEncryption,
  createKey: onlyEncryption,
  enableKey: onlyEncryption,
  disableKey: onlyEncryption,
  rotateKey: onlyEncryption,
  deleteKey: onlyEncryption,
  importKey: onlyEncryption,
}

export const plugin = definePlugin({
  manifest: {
    name: "example",
    kind: "keystore",
    contract: "keystore/v1",
    pluginType: "example",
    displayName: "Example keystore",
    description: "Connects a keystore that answers POST /encrypt and /decrypt.",
    capabilities: [],
    unsupported,
    activationFacts: {},
    identityFields: ["address", "key_name"],
    productionReady: false,
  },
  configuration: { plugin: z.strictObject(egressConfiguration), keystore: keystoreConfiguration },

  create(egress, services) {
    const http = services.createHttpClient({ egress })
    return {
      async start() {},
      stop: () => http.close(),
      setupMaterial: async () => [
        {
          title: "Token",
          fileName: "token.txt",
          language: "text",
          text: "Let the token use the key, and nothing else.",
        },
      ],
      async openKeystore(input): Promise<KeystoreV1> {
        const { address, key_name, token } = requireConfiguration(keystoreConfiguration, input)
        requireAllowedUrl(address, egress)

        async function post(operation: string, bytes: Uint8Array, context: Uint8Array, call: CallOptions) {
          const credential = await token.read(call.signal)
          try {
            const response = await http.request({
              method: "POST",
              url: `${address}/${operation}/${encodeURIComponent(key_name)}`,
              headers: {
                authorization: `Bearer ${Buffer.from(credential).toString()}`,
                "x-context": Buffer.from(context).toString("base64"),
              },
              body: bytes,
              signal: call.signal,
              call,
            })
            if (response.status === 200) return response.body
            const code = response.status === 401 ? "CREDENTIAL_REJECTED" : "BAD_RESPONSE"
            throw pluginError(code, `The server answered ${response.status}.`, "Check the token and the key's name.")
          } finally {
            credential.fill(0)
          }
        }

        return {
          ...unsupportedOperations(unsupported),
          defaultKey: { keyId: key_name },
          async encrypt({ plaintext, context }, call) {
            const ciphertext = await post("encrypt", plaintext, encodeEncryptionContext(context), call)
            return { ciphertext, keyVersion: "1" }
          },
          async decrypt({ ciphertext, context }, call) {
            return { plaintext: await post("decrypt", ciphertext, encodeEncryptionContext(context), call) }
          },
          async describeKey(key) {
            return {
              key,
              identity: `${address}/${key.keyId}`,
              state: "UNKNOWN",
              algorithm: "unknown",
              exportable: "unknown",
              latestVersion: "unknown",
              warnings: ["The example server says nothing about its keys."],
            }
          },
          async *testConnection() {
            yield { name: "nothing", outcome: "skipped", durationMs: 0, message: "The example tests nothing." }
          },
          probe: async () => ({ latencyMs: 0 }),
          close: async () => {},
        }
      },
    }
  },
})
