import { encodeEncryptionContext } from "@apeiro-cmk/plugin-sdk"
import { openInProcess, testCall, testServices } from "@apeiro-cmk/plugin-sdk/testing"
import { tcpFaultProxy } from "@apeiro-cmk/test-contracts"
import { plugin } from "../src/plugin.js"
import { PocketKms } from "./pocket-kms.js"

/** Starts everything that one case needs: a server with a key, a proxy in front of it, and the plugin. */
export async function open({ tenantId }) {
  const server = new PocketKms()
  await server.start()
  server.create("l1")
  const proxy = await tcpFaultProxy({ target: server })
  const services = testServices()
  const started = await openInProcess(plugin, {
    services,
    pluginConfiguration: { allowedEndpoints: ["http://127.0.0.1:*"], allowedAddresses: ["127.0.0.1/32"] },
  })
  const configuration = { address: `http://${proxy.host}:${proxy.port}`, token: server.token, key_name: "l1" }
  return {
    plugin: started,
    configuration,
    instance: await started.openKeystore(configuration, testCall({ tenantId })),
    backend: secondRoute(server),
    canaries: [server.token],
    logs: () => services.logger.text(),
    auditEvents: () => services.auditEvents,
    proxy,
    async close() {
      await proxy.close()
      await server.stop()
    },
  }
}

/** Looks at the server directly, past the plugin and the proxy. */
function secondRoute(server) {
  let made = 0
  const newName = () => {
    made += 1
    return `key-${made}`
  }
  return {
    keyExists: async (keyId) => server.has(keyId),
    async createKey() {
      const keyId = newName()
      server.create(keyId)
      return { keyId }
    },
    unusedKeyId: newName,
    decrypt: async ({ keyId }, ciphertext, context) =>
      server.decrypt(keyId, Buffer.from(ciphertext), encodeEncryptionContext(context)),
    deleteKey: async (keyId) => server.delete(keyId),
    async denyCredential() {
      server.access = "denied"
    },
    async revokeCredential() {
      server.access = "revoked"
    },
    stop: () => server.stop(),
    start: () => server.start(),
  }
}
