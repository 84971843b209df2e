import { testCall, testServices } from "@apeiro-cmk/plugin-sdk/testing"
import type { ContractRun, OpenedKeystore, OpenRequest } from "@apeiro-cmk/test-contracts"
import { plugin } from "../src/index.ts"
import { KeyFolder } from "./key-file-fixture.ts"

/** The plugin on key files of its own: the file is the keystore. */
export async function startContractRun(): Promise<ContractRun> {
  return {
    backend: "Key file",
    version: "-",
    judge: "software",
    concurrency: 8,
    options: {
      plugin,
      backendType: "software",
      network: "none",
      moduleUrl: import.meta.resolve("../src/index.ts"),
      open,
    },
    stop: async () => undefined,
  }
}

async function open({ tenantId }: OpenRequest): Promise<OpenedKeystore> {
  const files = await KeyFolder.make()
  const services = testServices()
  const started = await files.start(["default", "spare"], services)
  const configuration = { key_name: "default" }
  const materials = Object.values(await files.keys()).flatMap(({ versions }) => versions)
  let unused = 0
  return {
    plugin: started,
    configuration,
    instance: await started.openKeystore(configuration, testCall({ tenantId })),
    canaries: materials.map(({ material }) => Buffer.from(material, "base64")),
    logs: () => services.logger.text(),
    auditEvents: () => services.auditEvents,
    backend: {
      keyExists: async (keyId) => keyId in (await files.keys()),
      createKey: async () => ({ keyId: "spare" }),
      unusedKeyId: () => {
        unused += 1
        return `no-such-key-${unused}`
      },
      keyState: async (keyId) => ((await files.keys())[keyId]?.enabled ? "ENABLED" : "DISABLED"),
      decrypt: ({ keyId }, ciphertext, context) => files.decrypt(keyId, ciphertext, context),
    },
    close: () => files[Symbol.asyncDispose](),
  }
}
