import { once } from "node:events"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import path from "node:path"
import type { KeystorePluginV1, KeystoreV1 } from "@apeiro-cmk/plugin-interface"
import { systemClock } from "@apeiro-cmk/plugin-sdk/services"
import { testCall } from "@apeiro-cmk/plugin-sdk/testing"
import { Client, credentials, Server, ServerCredentials } from "@grpc/grpc-js"
import { describe, expect, it, onTestFinished } from "vitest"
import { Keystores } from "../src/generated/apeiro/cmk/keystore/v1/keystore_pb.js"
import type { PluginConnection } from "../src/host/plugin-connection.ts"
import { unaryCall } from "../src/index.ts"
import { KeystoreService } from "../src/kinds/keystore/keystore-service.ts"
import { remoteKeystorePlugin } from "../src/kinds/keystore/remote-keystore-plugin.ts"
import type { ConfiguredPlugin } from "../src/serve/configured-plugin.ts"
import { channelOptions } from "../src/wire/method-definition.ts"

const hangMs = 20_000

describe("a keystore that a process opens for our host", () => {
  it("is closed again when the host has given up waiting for it", async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "keystore-service-"))
    const began = Promise.withResolvers<void>()
    const closed = Promise.withResolvers<void>()
    const plugin: Pick<KeystorePluginV1, "openKeystore"> = {
      // Opens nevertheless, as a plugin may that does not look at its signal.
      async openKeystore(_configuration, { signal }) {
        began.resolve()
        await once(signal, "abort")
        // Only the part that the service uses.
        return { defaultKey: { keyId: "key" }, close: async () => closed.resolve() } as unknown as KeystoreV1
      },
    }
    const server = new Server(channelOptions)
    const configured = { current: () => plugin } as unknown as ConfiguredPlugin<"keystore">
    new KeystoreService({ plugin: configured, clock: systemClock }).addTo(server)
    const address = `unix:${path.join(folder, "socket")}`
    await new Promise<void>((resolve, reject) => {
      server.bindAsync(address, ServerCredentials.createInsecure(), (error) => (error ? reject(error) : resolve()))
    })
    const client = new Client(address, credentials.createInsecure(), channelOptions)
    onTestFinished(async () => {
      client.close()
      server.forceShutdown()
      await rm(folder, { recursive: true })
    })
    const caller = new AbortController()
    const bounds = { deadlineMs: Date.now() + hangMs, signal: caller.signal }
    const asked = unaryCall(client, Keystores.method.open, {}, bounds)
    const rejected = expect(asked).rejects.toThrow("gave up")
    await began.promise
    caller.abort(new Error("gave up"))
    await rejected
    await closed.promise
  })

  it("is closed by the host when the answer comes after it has given up", async () => {
    const opened = Promise.withResolvers<{ handle: string; defaultKeyId: string }>()
    const closed = Promise.withResolvers<unknown>()
    const read = Promise.withResolvers<void>()
    const connection = {
      call: (method: { readonly name: string }, request: unknown) => {
        if (method.name === "Open") read.resolve()
        else closed.resolve(request)
        return opened.promise
      },
    } as unknown as PluginConnection
    const caller = new AbortController()
    const opening = remoteKeystorePlugin(connection).openKeystore({}, testCall({ signal: caller.signal }))
    const rejected = expect(opening).rejects.toMatchObject({ code: "CANCELLED" })
    await read.promise
    caller.abort()
    await rejected
    opened.resolve({ handle: "late", defaultKeyId: "key" })
    expect(await closed.promise).toEqual({ handle: "late" })
  })
})
