import { fileURLToPath } from "node:url"
import { testCall, testServices } from "@apeiro-cmk/plugin-sdk/testing"
import { type ContractRun, type OpenedKeystore, type OpenRequest, openOverWire } from "@apeiro-cmk/test-contracts"
import { plugin } from "../src/index.ts"
import { KeyFolder } from "./key-file-fixture.ts"

/** How the plugin is started: in this process, or as a process of its own. */
export type Boundary = "in process" | "over the wire"

const executable = { path: process.execPath, args: [fileURLToPath(new URL("../src/serve.ts", import.meta.url))] }

/** The plugin on key files of its own: the file is the keystore. */
export async function startContractRun(boundary: Boundary = "in process"): Promise<ContractRun> {
  const start = boundary === "in process" ? startInProcess : startOverWire
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
      open: (request) => open(request, start),
    },
    stop: async () => undefined,
  }
}

type Started = Pick<OpenedKeystore, "plugin" | "logs" | "auditEvents">

const keyNames = ["default", "spare"]

async function startInProcess(files: KeyFolder): Promise<Started> {
  const services = testServices()
  const started = await files.start(keyNames, services)
  return { plugin: started, logs: () => services.logger.text(), auditEvents: () => services.auditEvents }
}

function startOverWire(files: KeyFolder): Promise<Started> {
  return openOverWire(executable, { keyFile: files.path, keyNames })
}

async function open({ tenantId }: OpenRequest, start: (files: KeyFolder) => Promise<Started>): Promise<OpenedKeystore> {
  const files = await KeyFolder.make()
  const started = await start(files)
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
