import { fileURLToPath } from "node:url"
import { encodeEncryptionContext } from "@apeiro-cmk/plugin-sdk"
import { testCall, testServices } from "@apeiro-cmk/plugin-sdk/testing"
import {
  kryopticAvailable,
  kryopticVersion,
  softHsmAvailable,
  softHsmVersion,
  startKryoptic,
  startSoftHsm,
} from "@apeiro-cmk/test-backends"
import {
  type ContractRun,
  type KeystoreBackend,
  type OpenedKeystore,
  type OpenRequest,
  openOverWire,
} from "@apeiro-cmk/test-contracts"
import { plugin } from "../src/index.ts"
import { Hsm, pin } from "./hsm.ts"

/** How the plugin is started: in this process, or as a process of its own. */
export type Boundary = "in process" | "over the wire"

const executable = { path: process.execPath, args: [fileURLToPath(new URL("../src/serve.ts", import.meta.url))] }

/** Tokens that share no code: what holds on both is no habit of one. */
export const tokenBackends = [
  { name: "SoftHSM", version: softHsmVersion, isAvailable: softHsmAvailable, start: startSoftHsm },
  { name: "kryoptic", version: kryopticVersion, isAvailable: kryopticAvailable, start: startKryoptic },
] as const

/** The plugin on a token in software, with a key of its own for each case. */
export async function startContractRun(
  boundary: Boundary = "in process",
  {
    name,
    version,
    start: startTokens,
  }: Pick<(typeof tokenBackends)[number], "name" | "version" | "start"> = tokenBackends[0],
): Promise<ContractRun> {
  const hsm = await Hsm.start(undefined, startTokens)
  const start = boundary === "in process" ? startInProcess : startOverWire
  return {
    backend: name,
    version,
    judge: "software",
    concurrency: 1,
    options: {
      plugin,
      backendType: "pkcs11",
      network: "none",
      moduleUrl: import.meta.resolve("../src/index.ts"),
      open: (request) => open(hsm, request, start),
    },
    stop: () => hsm.stop(),
  }
}

type Started = Pick<OpenedKeystore, "plugin" | "logs" | "auditEvents">

async function startInProcess(hsm: Hsm): Promise<Started> {
  const services = testServices()
  const started = await hsm.plugin(services)
  return { plugin: started, logs: () => services.logger.text(), auditEvents: () => services.auditEvents }
}

function startOverWire(hsm: Hsm): Promise<Started> {
  return openOverWire(executable, hsm.pluginConfiguration())
}

async function open(
  hsm: Hsm,
  { tenantId }: OpenRequest,
  start: (hsm: Hsm) => Promise<Started>,
): Promise<OpenedKeystore> {
  const token = hsm.token()
  const label = hsm.newLabel()
  hsm.admin.createKey(token, label)
  const started = await start(hsm)
  const configuration = hsm.configuration(token, label)
  return {
    ...started,
    configuration,
    instance: await started.plugin.openKeystore(configuration, testCall({ tenantId })),
    canaries: [pin],
    close: async () => undefined,
    backend: backendOf(hsm, token),
  }
}

function backendOf(hsm: Hsm, token: string): KeystoreBackend {
  const { admin } = hsm
  return {
    keyExists: async (keyId) => admin.keyExists(token, keyId),
    async createKey() {
      const keyId = hsm.newLabel()
      admin.createKey(token, keyId)
      return { keyId }
    },
    unusedKeyId: () => hsm.newLabel(),
    decrypt: async ({ keyId }, ciphertext, context) =>
      admin.decrypt(token, keyId, ciphertext, encodeEncryptionContext(context)),
    deleteKey: async (keyId) => admin.deleteKey(token, keyId),
  }
}
