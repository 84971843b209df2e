import { once } from "node:events"
import { createServer } from "node:http"
import { type AddressInfo, connect, type Socket } from "node:net"
import type { Clock } from "@apeiro-cmk/plugin-interface"
import { systemClock } from "@apeiro-cmk/plugin-sdk/services"
import { fakeClock } from "@apeiro-cmk/plugin-sdk/testing"
import express from "express"
import { describe, expect, it, onTestFinished } from "vitest"
import { AnswerOutput } from "../src/pipeline/answer-output.ts"

const mebibyte = 1024 * 1024
/** Longer than what the sockets of both sides buffer. */
const long = "x".repeat(8 * mebibyte)

/** Serves GET and POST /long/OWNER and /short; what is refused is answered with 429. */
async function serving(
  limits: Partial<ConstructorParameters<typeof AnswerOutput>[0]> = {},
  clock: Clock = systemClock,
) {
  const settings = { maximumWaitingBytes: 5 * long.length, slowReaderTimeoutMs: 60_000, ...limits }
  const output = new AnswerOutput(settings, clock)
  const app = express()
  const firstClosed = Promise.withResolvers<void>()
  app.all("/:length/:owner", (request, response) => {
    const { owner, length } = request.params
    response.once("close", () => response.statusCode === 200 && firstClosed.resolve())
    try {
      output.requireRoom(owner, request.socket)
      output.send(response, owner, length === "long" ? long : "short")
    } catch {
      response.status(429).end()
    }
  })
  const server = createServer(app).listen(0, "127.0.0.1")
  await once(server, "listening")
  const { port } = server.address() as AddressInfo
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const url = `http://127.0.0.1:${port}`
  const status = async (path: string, method = "GET") => {
    const response = await fetch(`${url}${path}`, { method })
    return { status: response.status, length: (await response.text()).length }
  }
  /** Asks, waits for the beginning of the answer, and reads no more. */
  const neverRead = async (path: string): Promise<Socket> => {
    const socket = connect({ host: "127.0.0.1", port }).on("error", () => undefined)
    socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`)
    await once(socket, "readable")
    return socket
  }
  return { status, neverRead, closed: firstClosed.promise }
}

describe("the output of a listener", () => {
  it("gives a long answer whole to whoever reads it", async () => {
    const { status } = await serving()
    expect(await status("/long/a")).toEqual({ status: 200, length: long.length })
  })

  it("bounds what waits for one owner's readers, and serves another owner", async () => {
    const { status, neverRead } = await serving()
    for (let reader = 0; reader < 2; reader++) await neverRead("/long/a")
    expect(await status("/long/a")).toMatchObject({ status: 429 })
    expect(await status("/long/b")).toEqual({ status: 200, length: long.length })
    expect(await status("/short/a")).toMatchObject({ status: 200 })
  })

  it("tells whoever changes something what came of it, and refuses its next request", async () => {
    const { status, neverRead } = await serving()
    for (let reader = 0; reader < 2; reader++) await neverRead("/long/a")
    expect(await status("/long/a", "POST")).toEqual({ status: 200, length: long.length })
  })

  it("has one long answer on a connection at a time", async () => {
    const { neverRead } = await serving()
    const socket = await neverRead("/long/a")
    socket.write("GET /short/a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    const received: Buffer[] = []
    socket.on("data", (chunk: Buffer) => received.push(chunk))
    await once(socket, "close")
    expect(Buffer.concat(received).subarray(-400).toString()).toContain("HTTP/1.1 429")
  })

  it("drops a reader that takes nothing, and has room again", async () => {
    const clock = fakeClock()
    const { status, neverRead, closed } = await serving({ maximumWaitingBytes: 2 * long.length }, clock)
    await neverRead("/long/a")
    expect(await status("/long/a")).toMatchObject({ status: 429 })
    let isClosed = false
    void closed.then(() => (isClosed = true))
    while (!isClosed) {
      await clock.advance(60_000)
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(await status("/long/a")).toEqual({ status: 200, length: long.length })
  })
})
