import { createRequire } from "node:module"
import { openInProcess, testCall, testServices } from "@apeiro-cmk/plugin-sdk/testing"
import { buildFaultModule, type FaultModule, startSoftHsm, TokenAdmin } from "@apeiro-cmk/test-backends"
import { plugin } from "@apeiro-cmk/thales"
import type * as pkcs11js from "pkcs11js"
import { children } from "./child-processes.ts"

const context = { tenantId: "bench", keyId: "tenant-key", keyVersion: 1 }
const pin = "1234"
const partition = "bench"
const key = "l1"

/** A token behind the fault module, which delays it. */
export interface BenchToken {
  readonly faults: FaultModule
  /** Decrypts through the plugin with the given number of sessions. */
  pluginWith(sessions: number): Promise<() => Promise<unknown>>
  /** Process id of the token that was opened last. */
  lastProcess(): number
  /** Decrypts with the binding alone, sequentially in this process: the upper bound. */
  raw(): () => Promise<unknown>
  stop(): Promise<void>
}

/** Starts SoftHSM with one key. */
export async function startToken(): Promise<BenchToken> {
  const softHsm = await startSoftHsm()
  await softHsm.createToken(partition, pin)
  const admin = new TokenAdmin(softHsm.module, softHsm.environment, pin)
  admin.createKey(partition, key)
  admin.close()
  const faults = await buildFaultModule(softHsm.module)
  const { FAULT_MODULE_TRACE: _, ...faultEnvironment } = faults.environment
  const environment = { ...softHsm.environment, ...faultEnvironment }
  const closers: (() => Promise<void> | void)[] = []
  return {
    faults,
    async pluginWith(sessions) {
      const modules = { softhsm: { library: faults.module, environment } }
      const services = testServices()
      const started = await openInProcess(plugin, { pluginConfiguration: { modules, sessions }, services })
      closers.push(() => started.stop())
      const configuration = {
        hsm_ip_addresses: ["127.0.0.1"],
        partition_label: partition,
        key_label: key,
        pin,
        module: "softhsm",
      }
      const keystore = await started.openKeystore(configuration, testCall())
      const request = { key: keystore.defaultKey, context }
      const sealed = await keystore.encrypt({ ...request, plaintext: new Uint8Array(32) }, testCall())
      return async () => {
        const call = testCall()
        try {
          await keystore.decrypt({ ...request, ...sealed }, call)
        } finally {
          call.dispose()
        }
      }
    },
    lastProcess: () => children().at(-1) ?? 0,
    raw() {
      Object.assign(process.env, environment)
      const constants: typeof pkcs11js = createRequire(import.meta.url)("pkcs11js")
      const library = new constants.PKCS11()
      library.load(faults.module)
      library.C_Initialize({ flags: 2 })
      closers.push(() => library.C_Finalize())
      return rawDecrypt(constants, library)
    },
    async stop() {
      for (const close of closers) await close()
      await faults.remove()
      await softHsm.stop()
    },
  }
}

function rawDecrypt(constants: typeof pkcs11js, library: pkcs11js.PKCS11): () => Promise<unknown> {
  const slot = library.C_GetSlotList(true)[0] ?? Buffer.alloc(8)
  const session = library.C_OpenSession(slot, 4)
  library.C_Login(session, constants.CKU_USER, pin)
  library.C_FindObjectsInit(session, [{ type: constants.CKA_LABEL, value: key }])
  const handle = library.C_FindObjects(session, 1)[0] ?? Buffer.alloc(8)
  library.C_FindObjectsFinal(session)
  const parameter = {
    type: constants.CK_PARAMS_AES_GCM,
    iv: Buffer.alloc(12, 1),
    ivBits: 96,
    aad: Buffer.alloc(32),
    tagBits: 128,
  }
  const mechanism = { mechanism: constants.CKM_AES_GCM, parameter }
  library.C_EncryptInit(session, mechanism, handle)
  const sealed = library.C_Encrypt(session, Buffer.alloc(32), Buffer.alloc(48))
  return async () => {
    library.C_DecryptInit(session, mechanism, handle)
    return library.C_Decrypt(session, sealed, Buffer.alloc(48))
  }
}
