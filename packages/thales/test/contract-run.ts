import { encodeEncryptionContext } from "@apeiro-cmk/plugin-sdk"
import { testCall } from "@apeiro-cmk/plugin-sdk/testing"
import {
  bundledExecutable,
  kryopticAvailable,
  kryopticVersion,
  softHsmAvailable,
  softHsmVersion,
  startKryoptic,
  startSoftHsm,
} from "@apeiro-cmk/test-backends"
import {
  type Boundary,
  type ContractRun,
  type KeystoreBackend,
  type OpenedKeystore,
  type OpenRequest,
  pluginContractRun,
  type StartPlugin,
} from "@apeiro-cmk/test-contracts"
import { plugin } from "../src/index.ts"
import { Hsm, pin } from "./hsm.ts"

/** Two PKCS#11 modules that share no code: what holds on both is not a habit of one. */
export const tokenBackends = [
  {
    ...{ name: "SoftHSM", version: softHsmVersion, statesCheckValues: true },
    ...{ isAvailable: softHsmAvailable, start: startSoftHsm },
  },
  {
    ...{ name: "kryoptic", version: kryopticVersion, statesCheckValues: false },
    ...{ isAvailable: kryopticAvailable, start: startKryoptic },
  },
] as const

type TokenBackend = Pick<(typeof tokenBackends)[number], "name" | "version" | "statesCheckValues" | "start">

/** The plugin on a token in software, with a separate key for each case. */
export async function startContractRun(
  boundary: Boundary,
  { name, version, statesCheckValues, start: startTokens }: TokenBackend = tokenBackends[0],
): Promise<ContractRun> {
  const hsm = await Hsm.start(undefined, startTokens)
  return pluginContractRun(boundary, {
    backend: name,
    version,
    judge: "software",
    plugin,
    backendType: "pkcs11",
    network: "none",
    moduleUrl: import.meta.resolve("../src/index.ts"),
    executable: () => bundledExecutable(import.meta.resolve("../src/serve.ts")),
    open: (request, start) => open(hsm, statesCheckValues, request, start),
    stop: () => hsm.stop(),
  })
}

async function open(
  hsm: Hsm,
  statesCheckValues: boolean,
  { tenantId }: OpenRequest,
  start: StartPlugin,
): Promise<OpenedKeystore> {
  const token = hsm.token()
  const label = hsm.newLabel()
  hsm.admin.createKey(token, label)
  const started = await start(hsm.pluginConfiguration())
  const configuration = hsm.configuration(token, label)
  return {
    ...started,
    configuration,
    instance: await started.plugin.openKeystore(configuration, testCall({ tenantId })),
    canaries: [pin],
    close: async () => undefined,
    backend: backendOf(hsm, token, statesCheckValues),
  }
}

function backendOf(hsm: Hsm, token: string, statesCheckValues: boolean): KeystoreBackend {
  const { admin } = hsm
  return {
    keyExists: async (keyId) => admin.keyExists(token, keyId),
    async createKey() {
      const keyId = hsm.newLabel()
      admin.createKey(token, keyId)
      return { keyId }
    },
    async movableKey() {
      const label = hsm.newLabel()
      admin.createKey(token, label)
      const move = async () => {
        admin.deleteKey(token, label)
        admin.createKey(token, label)
      }
      return { key: { keyId: label }, move, isStated: statesCheckValues }
    },
    unusedKeyId: () => hsm.newLabel(),
    decrypt: async ({ keyId }, ciphertext, context) =>
      admin.decrypt(token, keyId, ciphertext, encodeEncryptionContext(context)),
    deleteKey: async (keyId) => admin.deleteKey(token, keyId),
  }
}
