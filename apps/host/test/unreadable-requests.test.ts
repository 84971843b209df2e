import { connect, type Socket } from "node:net"
import { text as textOf } from "node:stream/consumers"
import { systemClock } from "@apeiro-cmk/plugin-sdk/services"
import { logSink } from "@apeiro-cmk/plugin-sdk/testing"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { createInFlight } from "../src/http/in-flight.ts"
import { openListener } from "../src/http/listener.ts"
import { startTestHost, type TestHost } from "./test-host.ts"
import { object, text } from "./values.ts"

/** Sends bytes as they are. @returns the answer, to the end of the connection */
async function answerTo(url: string, bytes: string): Promise<ReturnType<typeof parse>> {
  const socket = open(url)
  socket.write(bytes)
  return parse(await textOf(socket))
}

function open(url: string): Socket {
  const { hostname, port } = new URL(url)
  return connect({ host: hostname, port: Number(port) })
}

function parse(answer: string) {
  const [head = "", body = ""] = answer.split("\r\n\r\n")
  const [statusLine = "", ...lines] = head.split("\r\n")
  const headers = new Headers(
    lines.map((line): [string, string] => [line.split(": ")[0] ?? "", line.split(": ")[1] ?? ""]),
  )
  return { status: Number(statusLine.split(" ")[1]), headers, problem: object(JSON.parse(body)), body }
}

function expectProblem({ status, headers, problem, body }: ReturnType<typeof parse>, code: string): void {
  expect(headers.get("content-type")).toContain("application/problem+json")
  expect(headers.get("connection")).toBe("close")
  expect(headers.get("content-length")).toBe(String(Buffer.byteLength(body)))
  expect(problem).toEqual({
    type: `urn:apeiro-cmk:problem:${code}`,
    title: expect.any(String),
    status,
    code,
    origin: "caller",
    retryable: code === "REQUEST_INCOMPLETE",
    next_step: expect.any(String),
    request_id: headers.get("x-request-id"),
  })
}

describe("requests that Node's parser refuses", () => {
  let host: TestHost
  beforeAll(async () => {
    host = await startTestHost()
  })
  afterAll(() => host[Symbol.asyncDispose]())

  it.each([
    ["no HTTP", "canary-of-the-caller\r\n\r\n"],
    ["a TLS handshake", "\u0016\u0003\u0001\u0002\u0000\u0001\r\n\r\n"],
    ["a header with a line feed alone", "GET /livez HTTP/1.1\r\nHost: x\r\nBroken\ncanary-of-the-caller: y\r\n\r\n"],
    ["two lengths", "POST /v1/tenants HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"],
  ])("answers 400 with a problem to %s", async (_, bytes) => {
    const answer = await answerTo(host.url, bytes)
    expect(answer.status).toBe(400)
    expectProblem(answer, "INVALID_REQUEST")
    expect(JSON.stringify([answer.problem, host.log.text()])).not.toContain("canary-of-the-caller")
    expect(host.log.text()).toContain(text(answer.problem.request_id))
  })

  it("answers 431 to headers over 16 KiB, also while the caller still sends", async () => {
    const answer = await answerTo(host.url, `GET /livez HTTP/1.1\r\nHost: x\r\nLong: ${"x".repeat(1_000_000)}\r\n\r\n`)
    expect(answer.status).toBe(431)
    expectProblem(answer, "HEADERS_TOO_LARGE")
  })

  it("answers 400 to a request without Host", async () => {
    const answer = await answerTo(host.url, "GET /livez HTTP/1.1\r\nConnection: close\r\n\r\n")
    expect(answer.status).toBe(400)
    expectProblem(answer, "INVALID_REQUEST")
  })

  it("serves a caller that expects something unknown", async () => {
    const answer = await answerTo(
      host.url,
      "GET /livez HTTP/1.1\r\nHost: x\r\nExpect: wonders\r\nConnection: close\r\n\r\n",
    )
    expect(answer).toMatchObject({ status: 200, problem: { status: "alive" } })
  })
})

describe("a listener", () => {
  const start = async (handler: Parameters<typeof openListener>[0], headersTimeoutMs?: number) => {
    const tools = { inFlight: createInFlight(), clock: systemClock, logger: logSink() }
    const address = { host: "127.0.0.1", port: 0, profileKey: "listeners.api" }
    return openListener(handler, address, { ...tools, ...(headersTimeoutMs === undefined ? {} : { headersTimeoutMs }) })
  }

  it("answers 408 with a problem when the headers do not come to their end", async () => {
    const listener = await start((_, response) => response.end(), 50)
    const answer = await answerTo(listener.url, "GET / HTTP/1.1\r\nHost: x\r\n")
    expect(answer.status).toBe(408)
    expectProblem(answer, "REQUEST_INCOMPLETE")
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
})
