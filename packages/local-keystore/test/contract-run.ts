import { testCall } from "@apeiro-cmk/plugin-sdk/testing"
import { bundledExecutable } from "@apeiro-cmk/test-backends"
import {
  type Boundary,
  type ContractRun,
  type OpenedKeystore,
  type OpenRequest,
  pluginContractRun,
  type StartPlugin,
} from "@apeiro-cmk/test-contracts"
import { plugin } from "../src/index.ts"
import { KeyFolder } from "./key-file-fixture.ts"

/** The plugin on a separate key file for each case: the file is the keystore. */
export async function startContractRun(boundary: Boundary): Promise<ContractRun> {
  return pluginContractRun(boundary, {
    backend: "Key file",
    version: "-",
    judge: "software",
    concurrency: 8,
    plugin,
    backendType: "software",
    network: "none",
    moduleUrl: import.meta.resolve("../src/index.ts"),
    executable: () => bundledExecutable(import.meta.resolve("../src/serve.ts")),
    open,
  })
}

async function open({ tenantId }: OpenRequest, start: StartPlugin): Promise<OpenedKeystore> {
  const files = await KeyFolder.make()
  const started = await start({ keyFile: files.path, keyNames: ["default", "spare"] })
  const configuration = { key_name: "default" }
  const materials = Object.values(await files.keys()).flatMap(({ versions }) => versions)
  let unused = 0
  return {
    ...started,
    configuration,
    instance: await started.plugin.openKeystore(configuration, testCall({ tenantId })),
    canaries: materials.map(({ material }) => Buffer.from(material, "base64")),
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
