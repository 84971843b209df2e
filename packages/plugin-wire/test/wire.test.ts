import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import path from "node:path"
import { Client, credentials, Server, ServerCredentials, status } from "@grpc/grpc-js"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { Config } from "../src/generated/service/common/config/v1/config_pb.js"
import { methodDefinitions, unaryCall, unaryImplementation, WireError } from "../src/index.ts"
import { channelOptions } from "../src/wire/method-definition.ts"

const hangMs = 20_000

describe("calls over the wire", () => {
  let folder: string
  let server: Server
  let client: Client
  const gaveUp = Promise.withResolvers<void>()

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "wire-"))
    server = new Server(channelOptions)
    const handlers = unaryImplementation(Config, {
      async configure({ yamlConfiguration: text }, { signal, deadlineMs }) {
        if (text === "deadline") return { buildInfo: String(deadlineMs) }
        if (text === "fail with details") {
          const metadata = { missingFields: "roleArn,profileArn" }
          throw new WireError(status.INVALID_ARGUMENT, "invalid", {
            reason: "MISSING_FIELDS",
            domain: "test",
            metadata,
          })
        }
        if (text === "fail in another way") throw new Error("canary-of-an-inner-error")
        if (text !== "hang") return { buildInfo: text }
        await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()))
        gaveUp.resolve()
        return {}
      },
    })
    server.addService(methodDefinitions(Config), handlers)
    const address = `unix:${path.join(folder, "socket")}`
    await new Promise<void>((resolve, reject) => {
      server.bindAsync(address, ServerCredentials.createInsecure(), (error) => (error ? reject(error) : resolve()))
    })
    client = new Client(address, credentials.createInsecure(), channelOptions)
  })
  afterAll(async () => {
    client.close()
    server.forceShutdown()
    await rm(folder, { recursive: true })
  })

  const configure = (yamlConfiguration: string, timeoutMs = hangMs, signal = new AbortController().signal) =>
    unaryCall(client, Config.method.configure, { yamlConfiguration }, { deadlineMs: Date.now() + timeoutMs, signal })

  it("carry messages beyond the usual limits", async () => {
    const text = "x".repeat(6 * 1024 * 1024)
    expect((await configure(text)).buildInfo).toBe(text)
  })

  it("carry the deadline", async () => {
    const before = Date.now()
    const deadlineMs = Number((await configure("deadline", 5000)).buildInfo)
    expect(deadlineMs).toBeGreaterThan(before + 3000)
    expect(deadlineMs).toBeLessThan(before + 7000)
  })

  it("end at their deadline", async () => {
    await expect(configure("hang", 50)).rejects.toMatchObject({ code: status.DEADLINE_EXCEEDED })
  })

  it("end with the reason of their signal, and the other side is cancelled", async () => {
    const controller = new AbortController()
    const reason = new Error("the caller gave up")
    const call = configure("hang", hangMs, controller.signal)
    controller.abort(reason)
    await expect(call).rejects.toBe(reason)
    await expect(configure("x", hangMs, AbortSignal.abort(reason))).rejects.toBe(reason)
    await gaveUp.promise
  })

  it("carry code, message and details of an error", async () => {
    await expect(configure("fail with details")).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
      message: "invalid",
      info: { reason: "MISSING_FIELDS", domain: "test", metadata: { missingFields: "roleArn,profileArn" } },
    })
  })

  it("hide an error that was not meant for the caller", async () => {
    const failure = await configure("fail in another way").catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: status.UNKNOWN, message: "internal error" })
  })
})
