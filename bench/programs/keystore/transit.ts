import { plugin } from "@apeiro-cmk/openbao"
import { openInProcess, testCall, testServices } from "@apeiro-cmk/plugin-sdk/testing"
import { startOpenBao } from "@apeiro-cmk/test-backends"
import * as z from "zod"

const context = { tenantId: "bench", keyId: "tenant-key", keyVersion: 1 }
const mount = "transit"
const key = "tenant-key"

/** An OpenBao with one key, and a token that may use it. */
export interface Transit {
  readonly port: number
  readonly token: string
  readonly mount: string
  readonly key: string
  /** Opened plugins, to be stopped with the server. */
  readonly closers: (() => Promise<void>)[]
  stop(): Promise<void>
}

/** Starts a real OpenBao, its audit file on. */
export async function startTransit(): Promise<Transit> {
  const server = await startOpenBao()
  const { admin } = server
  await admin.enableTransit(mount)
  await admin.createTransitKey({ mount, name: key })
  await admin.writePolicy(
    key,
    ["encrypt", "decrypt"].map((use) => `path "${mount}/${use}/${key}" { capabilities = ["update"] }`).join("\n"),
  )
  const answer = await admin.send({ method: "POST", path: "auth/token/create", body: { policies: [key], ttl: "1h" } })
  const token = z.object({ auth: z.object({ client_token: z.string() }) }).parse(answer.body).auth.client_token
  const closers: (() => Promise<void>)[] = []
  return {
    port: server.port,
    token,
    mount,
    key,
    closers,
    async stop() {
      for (const close of closers) await close()
      await server.stop()
    },
  }
}

/** Opens the plugin on a port, and returns one decrypt as an operation. */
export async function decryptOf(transit: Transit, port: number): Promise<() => Promise<unknown>> {
  const origin = `http://127.0.0.1:${port}`
  const started = await openInProcess(plugin, {
    services: testServices(),
    pluginConfiguration: { allowedEndpoints: [origin], allowedAddresses: ["127.0.0.1/32"] },
  })
  transit.closers.push(() => started.stop())
  const configuration = {
    vault_address: origin,
    auth_method: "token",
    token: transit.token,
    mount_path: transit.mount,
    key_name: transit.key,
  }
  const keystore = await started.openKeystore(configuration, testCall())
  const sealed = await keystore.encrypt(
    { key: keystore.defaultKey, plaintext: new Uint8Array(32), context },
    testCall(),
  )
  return async () => {
    const call = testCall()
    try {
      await keystore.decrypt({ key: keystore.defaultKey, ...sealed, context }, call)
    } finally {
      call.dispose()
    }
  }
}
