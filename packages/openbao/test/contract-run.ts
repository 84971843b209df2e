import { createDecipheriv } from "node:crypto"
import type { EncryptionContext } from "@apeiro-cmk/plugin-interface"
import { encodeEncryptionContext } from "@apeiro-cmk/plugin-sdk"
import { testCall } from "@apeiro-cmk/plugin-sdk/testing"
import { bundledExecutable, OpenBaoAdmin, openBaoVersion } from "@apeiro-cmk/test-backends"
import {
  type Boundary,
  type ContractRun,
  type KeystoreBackend,
  type OpenedKeystore,
  type OpenRequest,
  pluginContractRun,
  type StartPlugin,
  tcpFaultProxy,
} from "@apeiro-cmk/test-contracts"
import { plugin } from "../src/index.ts"
import { careless, mount, OpenBao } from "./open-bao.ts"

/** The life of keys, which the story's policy leaves to the administrator. */
const lifeOfAnyKey = `
  path "${mount}/keys/*" { capabilities = ["create", "read", "update", "delete"] }
  path "${mount}/wrapping_key" { capabilities = ["read"] }`

const pluginConfiguration = {
  allowedEndpoints: ["https://127.0.0.1:*", "http://127.0.0.1:*"],
  allowedAddresses: ["127.0.0.1/32"],
}

/** The plugin on a real OpenBao, by AppRole, with a separate key and role for each case. */
export async function startContractRun(boundary: Boundary): Promise<ContractRun> {
  const bao = await OpenBao.start()
  return pluginContractRun(boundary, {
    backend: "OpenBao",
    version: openBaoVersion,
    judge: "real server",
    plugin,
    backendType: "openbao",
    network: "tcp",
    moduleUrl: import.meta.resolve("../src/index.ts"),
    executable: () => bundledExecutable(import.meta.resolve("../src/serve.ts")),
    open: (request, start) => open(bao, request, start),
    stop: () => bao.stop(),
  })
}

async function open(bao: OpenBao, { tenantId }: OpenRequest, start: StartPlugin): Promise<OpenedKeystore> {
  const key = await bao.createKey()
  const role = bao.newName("role")
  await bao.admin.writePolicy(role, careless(mount) + lifeOfAnyKey)
  const { roleId, secretId } = await bao.admin.createAppRole({ name: role, policies: [role] })
  const proxy = await tcpFaultProxy({ target: bao.server })
  const started = await start(pluginConfiguration)
  const configuration = {
    ...bao.configuration(key),
    vault_address: `http://${proxy.host}:${proxy.port}`,
    auth_method: "approle",
    role_id: roleId,
    secret_id: secretId,
  }
  const instance = await started.plugin.openKeystore(configuration, testCall({ tenantId }))
  return {
    ...started,
    configuration,
    instance,
    canaries: [secretId],
    proxy,
    close: () => proxy.close(),
    backend: backendOf(bao, role, secretId),
  }
}

function backendOf(bao: OpenBao, role: string, secretId: string): KeystoreBackend {
  const root = new OpenBaoAdmin({ address: bao.server.address }, bao.server.rootToken)
  return {
    keyExists: (keyId) => bao.keyExists(keyId),
    createKey: async () => ({ keyId: await bao.createKey() }),
    async movableKey() {
      const name = await bao.createKey()
      const move = async () => {
        await root.deleteTransitKey(mount, name)
        await root.createTransitKey({ mount, name, type: "aes256-gcm96" })
      }
      // OpenBao states no id of a key, only its place and its name.
      return { key: { keyId: name }, move, isStated: false }
    },
    unusedKeyId: () => bao.newName("unused"),
    decrypt: ({ keyId }, ciphertext, context) =>
      root.decrypt(mount, keyId, Buffer.from(ciphertext).toString("latin1"), encodeEncryptionContext(context)),
    decryptWithMaterial,
    async disableKey(keyId) {
      await root.send({ method: "DELETE", path: `${mount}/keys/${keyId}/soft-delete` })
    },
    async enableKey(keyId) {
      await root.send({ method: "POST", path: `${mount}/keys/${keyId}/soft-delete-restore`, body: {} })
    },
    deleteKey: (keyId) => root.deleteTransitKey(mount, keyId),
    async makeExportable(keyId) {
      await root.send({ method: "POST", path: `${mount}/keys/${keyId}/config`, body: { exportable: true } })
    },
    denyCredential: () => root.writePolicy(role, 'path "auth/token/lookup-self" { capabilities = ["read"] }'),
    async revokeCredential() {
      await root.destroySecretId(role, secretId)
      await root.revokeTokensOf("auth/approle/login")
    },
    stop: () => bao.server.halt(),
    start: () => bao.server.start(),
  }
}

/** `vault:v1:` and base64 of nonce, encrypted bytes and tag (transit engine, aes256-gcm96). */
async function decryptWithMaterial(material: Uint8Array, ciphertext: Uint8Array, context: EncryptionContext) {
  const bytes = Buffer.from(
    Buffer.from(ciphertext)
      .toString("latin1")
      .replace(/^vault:v\d+:/, ""),
    "base64",
  )
  const decipher = createDecipheriv("aes-256-gcm", material, bytes.subarray(0, 12))
  decipher.setAAD(encodeEncryptionContext(context)).setAuthTag(bytes.subarray(-16))
  return Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()])
}
