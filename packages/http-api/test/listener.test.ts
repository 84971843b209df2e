import { connect, type Socket } from "node:net"
import { text as textOf } from "node:stream/consumers"
import { systemClock } from "@apeiro-cmk/plugin-sdk/services"
import { logSink } from "@apeiro-cmk/plugin-sdk/testing"
import { describe, expect, it } from "vitest"
import { defaultListenerLimits, InFlight, type ListenerLimits, openListener } from "../src/index.ts"

function open(url: string): Socket {
  const { hostname, port } = new URL(url)
  return connect({ host: hostname, port: Number(port) })
}

describe("a listener", () => {
  const start = async (handler: Parameters<typeof openListener>[0], changed: Partial<ListenerLimits> = {}) => {
    const log = logSink()
    const limits = { ...defaultListenerLimits, ...changed }
    const address = { host: "127.0.0.1", port: 0, profileKey: "listeners.api" }
    const tools = { inFlight: new InFlight(), clock: systemClock, logger: log, limits }
    return { ...(await openListener(handler, address, tools)), log }
  }

  it("answers 408 with a problem when the headers never end", async () => {
    const listener = await start((_, response) => response.end(), { headersTimeoutMs: 50 })
    const socket = open(listener.url)
    socket.write("GET / HTTP/1.1\r\nHost: x\r\n")
    const [head = "", body = ""] = (await textOf(socket)).split("\r\n\r\n")
    expect(head).toMatch(/^HTTP\/1\.1 408 /)
    expect(head).toContain("Content-Type: application/problem+json")
    expect(head).toContain("Connection: close")
    expect(head).toContain(`Content-Length: ${Buffer.byteLength(body)}`)
    expect(JSON.parse(body)).toMatchObject({
      status: 408,
      code: "REQUEST_INCOMPLETE",
      origin: "caller",
      retryable: true,
    })
    await listener.close(0)
  })

  it("writes no second answer into one that has begun", async () => {
    const listener = await start((_, response) =>
      response.writeHead(200, { "content-type": "text/plain" }).write("half"),
    )
    const socket = open(listener.url)
    const received: string[] = []
    const ended = new Promise((resolve) => socket.once("close", resolve))
    socket.on("error", () => undefined)
    socket.on("data", (chunk: Buffer) => {
      received.push(chunk.toString("latin1"))
      if (received.join("").includes("half")) socket.write("no HTTP\r\n\r\n")
    })
    socket.write("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
    await ended
    expect(received.join("").match(/HTTP\/1\.1/g)).toHaveLength(1)
    await listener.close(0)
  })

  it("drops connections beyond their number, and says so once", async () => {
    const listener = await start((_, response) => response.end(), { maximumConnections: 2 })
    const sockets = Array.from({ length: 5 }, () => open(listener.url))
    for (const socket of sockets) socket.on("error", () => undefined)
    await Promise.all(sockets.slice(2).map((socket) => new Promise((resolve) => socket.once("close", resolve))))
    expect(sockets.slice(0, 2).map(({ destroyed }) => destroyed)).toEqual([false, false])
    expect(listener.log.lines.filter(({ message }) => message.includes("connections were dropped"))).toHaveLength(1)
    for (const socket of sockets) socket.destroy()
    await listener.close(0)
  })
})
