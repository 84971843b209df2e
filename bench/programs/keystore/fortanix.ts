import { plugin } from "@apeiro-cmk/fortanix"
import { openInProcess, testCall, testServices } from "@apeiro-cmk/plugin-sdk/testing"
import { startFortanixEmulator } from "@apeiro-cmk/test-backends"
import { oneDecrypt } from "./one-decrypt.ts"

/** Our Fortanix emulator with one key, and plugins that use it. */
export interface FortanixDsm {
  readonly port: number
  /** Opens the plugin on a port, and returns one decrypt as an operation. */
  decryptOf(port: number): Promise<() => Promise<unknown>>
  stop(): Promise<void>
}

/** Starts the emulator with an app that may use the key. */
export async function startFortanix(): Promise<FortanixDsm> {
  const emulator = await startFortanixEmulator()
  const group = emulator.createGroup("bench")
  emulator.createKey(group.id, { name: "bench", keyOps: ["ENCRYPT", "DECRYPT"] })
  const app = emulator.createApp({ groups: { [group.id]: ["ENCRYPT", "DECRYPT"] } })
  const closers: (() => Promise<void>)[] = []
  return {
    port: emulator.port,
    async decryptOf(port) {
      const address = `http://127.0.0.1:${port}`
      const started = await openInProcess(plugin, {
        services: testServices(),
        pluginConfiguration: { allowedEndpoints: [address], allowedAddresses: ["127.0.0.1/32"] },
      })
      closers.push(() => started.stop())
      const configuration = { dsm_endpoint: address, app_uuid: app.id, api_key: emulator.apiKey(app) }
      const keystore = await started.openKeystore(
        { ...configuration, group_id: "bench", key_name: "bench" },
        testCall(),
      )
      return oneDecrypt(keystore)
    },
    async stop() {
      for (const close of closers) await close()
      await emulator.stop()
    },
  }
}
