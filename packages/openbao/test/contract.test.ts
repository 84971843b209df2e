import type { EncryptionContext } from "@apeiro-cmk/plugin-interface"
import { encodeEncryptionContext } from "@apeiro-cmk/plugin-sdk"
import { testCall, testServices } from "@apeiro-cmk/plugin-sdk/testing"
import { OpenBaoAdmin, openBaoAvailable } from "@apeiro-cmk/test-backends"
import { keystoreContract, tcpFaultProxy } from "@apeiro-cmk/test-contracts"
import { afterAll, beforeAll, describe, it } from "vitest"
import { plugin } from "../src/index.ts"
import { careless, mount, OpenBao } from "./open-bao.ts"

const available = await openBaoAvailable()

describe.skipIf(!available)("openbao on a real server", () => {
  let bao: OpenBao
  beforeAll(async () => {
    bao = await OpenBao.start()
  })
  afterAll(async () => bao?.stop())

  keystoreContract({ describe, it }, { plugin, network: "tcp", open })

  async function open({ tenantId }: { readonly tenantId: string }) {
    const key = await bao.createKey()
    const role = bao.newName("role")
    const lifeOfAnyKey = `path "${mount}/keys/*" { capabilities = ["read", "update", "delete"] }
      path "${mount}/wrapping_key" { capabilities = ["read"] }`
    await bao.admin.writePolicy(role, `${careless(mount)}\n${lifeOfAnyKey}`)
    const { roleId, secretId } = await bao.admin.createAppRole({ name: role, policies: [role] })
    const proxy = await tcpFaultProxy({ target: bao.server })
    const services = testServices()
    const started = await bao.start({}, services)
    const configuration = {
      ...bao.configuration(key),
      vault_address: `http://${proxy.host}:${proxy.port}`,
      auth_method: "approle",
      role_id: roleId,
      secret_id: secretId,
    }
    const instance = await started.openKeystore(configuration, testCall({ tenantId }))
    return {
      plugin: started,
      configuration,
      instance,
      canaries: [secretId],
      logs: () => services.logger.text(),
      proxy,
      close: () => proxy.close(),
      backend: {
        keyExists: (keyId: string) => bao.keyExists(keyId),
        async createKey() {
          return { keyId: await bao.createKey() }
        },
        unusedKeyId: () => bao.newName("unused"),
        async decrypt({ keyId }: { readonly keyId: string }, ciphertext: Uint8Array, context: EncryptionContext) {
          const root = new OpenBaoAdmin({ address: bao.server.address }, bao.server.rootToken)
          const text = Buffer.from(ciphertext).toString("latin1")
          return root.decrypt(mount, keyId, text, encodeEncryptionContext(context))
        },
      },
    }
  }
})
