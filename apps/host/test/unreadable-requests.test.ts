import { connect, type Socket } from "node:net"
import { text as textOf } from "node:stream/consumers"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { administratorToken, startTestHost, type TestHost } from "./test-host.ts"
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

  it("answers 431 to headers over 16 KiB, even while the caller is still sending", async () => {
    const answer = await answerTo(host.url, `GET /livez HTTP/1.1\r\nHost: x\r\nLong: ${"x".repeat(1_000_000)}\r\n\r\n`)
    expect(answer.status).toBe(431)
    expectProblem(answer, "HEADERS_TOO_LARGE")
  })

  it("answers once, with 400, to a body that turns into something else", async () => {
    const head = [
      "POST /v1/tenants HTTP/1.1",
      "Host: x",
      `Authorization: Bearer ${await administratorToken(host.folder)}`,
      "Content-Type: application/json",
      "Transfer-Encoding: chunked",
    ].join("\r\n")
    const answer = await answerTo(host.url, `${head}\r\n\r\n2\r\n{}\r\nno length\r\n`)
    expect(answer.status).toBe(400)
    expectProblem(answer, "INVALID_REQUEST")
    expect(host.log.text()).not.toContain("INTERNAL")
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
