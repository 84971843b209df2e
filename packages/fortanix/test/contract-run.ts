import { createDecipheriv } from "node:crypto"
import type { KeyState } from "@apeiro-cmk/plugin-interface"
import { encodeEncryptionContext } from "@apeiro-cmk/plugin-sdk"
import { testCall } from "@apeiro-cmk/plugin-sdk/testing"
import { bundledExecutable, type DsmKey } from "@apeiro-cmk/test-backends"
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
import { Dsm, type Place } from "./dsm.ts"

/** The plugin on our Fortanix emulator, with a separate group, key and app for each case. */
export async function startContractRun(boundary: Boundary): Promise<ContractRun> {
  const dsm = await Dsm.start()
  return pluginContractRun(boundary, {
    backend: "Fortanix emulator (ours)",
    version: "-",
    judge: "emulator",
    plugin,
    backendType: "fortanix-dsm",
    network: "tcp",
    moduleUrl: import.meta.resolve("../src/index.ts"),
    executable: () => bundledExecutable(import.meta.resolve("../src/serve.ts")),
    open: (request, start) => open(dsm, request, start),
    stop: () => dsm.stop(),
  })
}

async function open(dsm: Dsm, { tenantId }: OpenRequest, start: StartPlugin): Promise<OpenedKeystore> {
  const { host, port } = dsm.emulator
  const proxy = await tcpFaultProxy({ target: { host, port } })
  const address = `http://${proxy.host}:${proxy.port}`
  const place = dsm.place(address)
  const started = await start(dsm.pluginConfiguration(address))
  return {
    ...started,
    configuration: place.configuration,
    instance: await started.plugin.openKeystore(place.configuration, testCall({ tenantId })),
    canaries: [place.apiKey, secretOf(place)],
    proxy,
    close: () => proxy.close(),
    backend: backendOf(dsm, place),
  }
}

function secretOf({ app: { credential } }: Place): string {
  return credential.kind === "secret" ? credential.secret : ""
}

function backendOf(dsm: Dsm, { group, app }: Place): KeystoreBackend {
  const { emulator } = dsm
  const { keys } = emulator.account
  const found = (keyId: string): DsmKey | undefined => {
    const key = emulator.account.named(keyId) ?? keys.get(keyId)
    return key === undefined || ["Destroyed", "Deleted"].includes(key.state) ? undefined : key
  }
  const keyOf = (keyId: string): DsmKey => {
    const key = found(keyId)
    if (key === undefined) throw new Error(`the emulator has no key ${keyId}`)
    return key
  }
  return {
    keyExists: async (keyId) => found(keyId) !== undefined,
    createKey: async () => ({ keyId: dsm.createKey(group).name ?? "" }),
    async movableKey() {
      const { name = "" } = dsm.createKey(group)
      const move = async () => {
        const { keyOps } = keyOf(name)
        keyOf(name).state = "Deleted"
        emulator.createKey(group.id, { name, keyOps })
      }
      return { key: { keyId: name }, move, isStated: true }
    },
    unusedKeyId: () => `unused-${Math.random().toString(36).slice(2)}`,
    keyState: async (keyId): Promise<KeyState> => (keyOf(keyId).enabled ? "ENABLED" : "DISABLED"),
    async decrypt({ keyId }, ciphertext, context) {
      const bytes = Buffer.from(ciphertext)
      // Head of two bytes, vector, tag, and what was encrypted: the format that the README states.
      const opening = createDecipheriv("aes-256-gcm", keyOf(keyId).material, bytes.subarray(2, 14))
      opening.setAAD(encodeEncryptionContext(context)).setAuthTag(bytes.subarray(14, 30))
      return Buffer.concat([opening.update(bytes.subarray(30)), opening.final()])
    },
    async disableKey(keyId) {
      keyOf(keyId).enabled = false
    },
    async enableKey(keyId) {
      keyOf(keyId).enabled = true
    },
    async deleteKey(keyId) {
      keyOf(keyId).state = "Destroyed"
    },
    async makeExportable(keyId) {
      const key = found(keyId)
      if (key === undefined) throw new Error("no such key")
      key.keyOps = [...key.keyOps, "EXPORT"]
      key.neverExportable = false
    },
    denyCredential: async () => void app.groups.set(group.id, []),
    async revokeCredential() {
      app.enabled = false
    },
    stop: () => emulator.stop(),
    start: () => emulator.start(),
  }
}
