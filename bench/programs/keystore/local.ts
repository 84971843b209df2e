import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as delay } from "node:timers/promises"
import { plugin } from "@apeiro-cmk/local-keystore"
import { openInProcess, testCall } from "@apeiro-cmk/plugin-sdk/testing"

const context = { tenantId: "bench", keyId: "tenant-key", keyVersion: 1 }

/** Decrypts with a key in a file. */
export interface LocalDecrypt {
  readonly direct: () => Promise<unknown>
  readonly delayed: () => Promise<unknown>
  stop(): Promise<void>
}

/** Opens the local keystore on its own key. */
export async function startLocal(delayMs: number): Promise<LocalDecrypt> {
  const folder = await mkdtemp(join(tmpdir(), "keystore-bench-"))
  const started = await openInProcess(plugin, { pluginConfiguration: { keyFile: join(folder, "local.key") } })
  const keystore = await started.openKeystore({ key_name: "default" }, testCall())
  const key = keystore.defaultKey
  const sealed = await keystore.encrypt({ key, plaintext: new Uint8Array(32), context }, testCall())
  const direct = async () => {
    const call = testCall()
    try {
      await keystore.decrypt({ key, ...sealed, context }, call)
    } finally {
      call.dispose()
    }
  }
  return {
    direct,
    delayed: async () => {
      await delay(delayMs)
      await direct()
    },
    async stop() {
      await started.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
