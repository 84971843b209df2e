import type { PluginDefinition } from "@apeiro-cmk/plugin-interface"
import { encodeEncryptionContext } from "@apeiro-cmk/plugin-sdk"
import { openInProcess, testCall, testServices } from "@apeiro-cmk/plugin-sdk/testing"
import { tcpFaultProxy } from "../../fault-proxy/proxy.ts"
import type { MovableKey, OpenedKeystore, OpenRequest } from "../../kinds/keystore/options.ts"
import { openOverWire } from "../../wire/open-over-wire.ts"
import type { PluginExecutable } from "../../wire/plugin-process.ts"
import { startReferenceServer } from "./server.ts"
import { openWithMaterial, type ReferenceVault } from "./vault.ts"

const pluginConfiguration = { allowedEndpoints: ["http://127.0.0.1:*"], allowedAddresses: ["127.0.0.0/8"] }

/**
 * Opens the reference plugin, or a changed one of the same configuration, for `keystoreContract`: a separate server, proxy
 * and key for each case.
 *
 * @param executable - the plugin's, started for each case. Default: the plugin runs in this process
 */
export function openReference<Configuration>(
  definition: PluginDefinition<"keystore", Configuration>,
  executable?: PluginExecutable,
): (request: OpenRequest) => Promise<OpenedKeystore> {
  return async ({ tenantId }) => {
    const server = await startReferenceServer()
    const proxy = await tcpFaultProxy({ target: server })
    const started = await (executable === undefined
      ? startInProcess(definition)
      : openOverWire(executable, pluginConfiguration))
    const { vault } = server
    vault.create("l1")
    const configuration = { address: `http://127.0.0.1:${proxy.port}`, api_key: server.apiKey, key_name: "l1" }
    let counter = 0
    return {
      ...started,
      configuration,
      instance: await started.plugin.openKeystore(configuration, testCall({ tenantId })),
      proxy,
      canaries: [server.apiKey],
      backend: {
        keyExists: async (keyId) => vault.has(keyId),
        createKey: async () => {
          counter += 1
          vault.create(`l1-${counter}`)
          return { keyId: `l1-${counter}` }
        },
        movableKey: async () => movableKey(vault),
        unusedKeyId: () => {
          counter += 1
          return `no-such-key-${counter}`
        },
        keyState: async (keyId) => vault.describe(keyId).state,
        disableKey: async (keyId) => vault.setState(keyId, "DISABLED"),
        enableKey: async (keyId) => vault.setState(keyId, "ENABLED"),
        deleteKey: async (keyId) => vault.delete(keyId),
        denyCredential: async () => {
          server.access = "denied"
        },
        revokeCredential: async () => {
          server.access = "revoked"
        },
        stop: () => server.close(),
        start: () => server.start(),
        decryptWithMaterial: async (material, ciphertext, context) =>
          openWithMaterial(Buffer.from(material), ciphertext, encodeEncryptionContext(context)),
        decrypt: async ({ keyId }, ciphertext, context) => {
          const version = vault.describe(keyId).versions.length
          return vault.decrypt(keyId, version, ciphertext, encodeEncryptionContext(context))
        },
      },
      async close() {
        await proxy.close()
        await server.close()
      },
    }
  }
}

function movableKey(vault: ReferenceVault): MovableKey {
  return {
    key: { keyId: "l1" },
    isStated: true,
    async move() {
      vault.delete("l1")
      vault.create("l1")
    },
  }
}

async function startInProcess<Configuration>(
  definition: PluginDefinition<"keystore", Configuration>,
): Promise<Pick<OpenedKeystore, "plugin" | "logs" | "auditEvents">> {
  const services = testServices()
  const plugin = await openInProcess(definition, { services, pluginConfiguration })
  return { plugin, logs: () => services.logger.text(), auditEvents: () => services.auditEvents }
}
