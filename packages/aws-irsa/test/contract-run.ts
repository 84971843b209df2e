import { randomUUID } from "node:crypto"
import type { EncryptionContext, KeyState } from "@apeiro-cmk/plugin-interface"
import { testCall } from "@apeiro-cmk/plugin-sdk/testing"
import { bundledExecutable, decryptWithMaterial, type KmsKey, readHead } from "@apeiro-cmk/test-backends"
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
import { Aws, policy, region } from "./aws.ts"

const externalId = "openkcm-external-id-12345"

/** The plugin on our AWS emulator, by web identity, with a separate key and role for each case. */
export async function startContractRun(boundary: Boundary): Promise<ContractRun> {
  const aws = await Aws.start()
  await aws.emulator.prepareImports()
  return pluginContractRun(boundary, {
    backend: "AWS emulator (ours)",
    version: "-",
    judge: "emulator",
    plugin,
    backendType: "aws-kms",
    network: "tcp",
    moduleUrl: import.meta.resolve("../src/index.ts"),
    executable: () => bundledExecutable(import.meta.resolve("../src/serve.ts")),
    open: (request, start) => open(aws, request, start),
    stop: () => aws.stop(),
  })
}

async function open(aws: Aws, { tenantId }: OpenRequest, start: StartPlugin): Promise<OpenedKeystore> {
  const key = aws.emulator.createKey(region)
  const roleArn = aws.createRole(externalId)
  const proxy = await tcpFaultProxy({ target: { host: aws.emulator.host, port: aws.emulator.port } })
  const started = await start(aws.pluginConfiguration(`http://${proxy.host}:${proxy.port}`))
  const configuration = { region, kms_key_id: key.arn, role_arn: roleArn, external_id: externalId }
  return {
    ...started,
    configuration,
    instance: await started.plugin.openKeystore(configuration, testCall({ tenantId })),
    canaries: [aws.issuer.issue({ subject: "unused" }).split(".")[2] ?? ""],
    proxy,
    close: () => proxy.close(),
    backend: backendOf(aws, roleArn),
  }
}

const states: Readonly<Record<KmsKey["state"], KeyState>> = {
  Enabled: "ENABLED",
  Disabled: "DISABLED",
  PendingDeletion: "PENDING_DELETION",
  PendingImport: "PENDING_IMPORT",
}

function backendOf({ emulator }: Aws, roleArn: string): KeystoreBackend {
  const keyOf = (keyId: string): KmsKey => {
    const key = emulator.kms.key(keyId)
    if (key === undefined) throw new Error(`the emulator has no key ${keyId}`)
    return key
  }
  return {
    keyExists: async (keyId) => emulator.kms.key(keyId) !== undefined,
    createKey: async () => ({ keyId: emulator.createKey(region).arn }),
    async movableKey() {
      const alias = `alias/${randomUUID()}`
      const move = async () => void emulator.kms.aliases.set(alias, emulator.createKey(region).id)
      await move()
      return { key: { keyId: alias }, move, isStated: true }
    },
    unusedKeyId: () => randomUUID(),
    keyState: async (keyId) => states[keyOf(keyId).state],
    async decrypt({ keyId }, ciphertext, context) {
      const { materialId } = readHead(Buffer.from(ciphertext))
      const material = keyOf(keyId).materials.find(({ id }) => id === materialId)
      if (material === undefined) throw new Error("the ciphertext is of another key")
      return decryptWithMaterial(material.material, Buffer.from(ciphertext), partsOf(context))
    },
    decryptWithMaterial: async (material, ciphertext, context) =>
      decryptWithMaterial(material, Buffer.from(ciphertext), partsOf(context)),
    async disableKey(keyId) {
      keyOf(keyId).state = "Disabled"
    },
    async enableKey(keyId) {
      keyOf(keyId).state = "Enabled"
    },
    async deleteKey(keyId) {
      keyOf(keyId).state = "PendingDeletion"
    },
    denyCredential: async () => emulator.iam.putRolePolicy(roleArn, policy()),
    async revokeCredential() {
      emulator.iam.putRole(roleArn, policy())
      emulator.iam.revokeSessions(roleArn)
    },
    stop: () => emulator.stop(),
    start: () => emulator.start(),
  }
}

function partsOf({ tenantId, keyId, keyVersion }: EncryptionContext) {
  return { tenant: tenantId, key: keyId, version: String(keyVersion) }
}
