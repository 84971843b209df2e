import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { tenantClient, tenantWithKeys } from "./fixtures.ts"
import { answerOn, arrival, openSocket, rawAnswer } from "./raw-request.ts"
import { administratorToken, startTestHost, type TestHost } from "./test-host.ts"
import { waitFor } from "./wait-for.ts"

const chunk = `10000\r\n${"x".repeat(0x10000)}\r\n`

/** Sends a head and then chunks until the connection ends. @returns the answer, and how many bytes of the body were sent */
async function answerToEndlessBody(url: string, head: string) {
  const socket = openSocket(url)
  let sentBytes = 0
  const send = () => {
    while (!socket.destroyed) {
      sentBytes += chunk.length
      if (!socket.write(chunk)) return socket.once("drain", send)
    }
    return undefined
  }
  socket.write(`${head}\r\nTransfer-Encoding: chunked\r\n\r\n`)
  send()
  return { ...(await answerOn(socket)), sentBytes }
}

describe("the bounds of requests", () => {
  let host: TestHost
  let dataKeys: string
  let authorization: string
  beforeAll(async () => {
    host = await startTestHost({}, { api: { maximumRequests: 4 } })
    dataKeys = await tenantWithKeys(host, "acme")
    await tenantWithKeys(host, "other", "second")
    authorization = `Authorization: Bearer ${await administratorToken(host.folder)}`
  })
  afterAll(() => host[Symbol.asyncDispose]())

  const head = (line: string, ...headers: string[]) => [`${line} HTTP/1.1`, "Host: x", ...headers].join("\r\n")
  const json = "Content-Type: application/json"

  it.each([
    ["that would be served", "POST /v1/tenants", true, 413],
    ["of a caller without a token", "POST /v1/tenants", false, 401],
    ["to a path that does not exist", "POST /v1/nothing", true, 404],
    ["that needs no body", "GET /v1/tenants", true, 200],
    ["for a stream of lines", "GET /v1/tenants/acme/audit/export", true, 200],
    ["for a probe", "GET /livez", true, 200],
  ])("reads little of the endless body of a request %s, answers, and closes", async (_, line, hasToken, status) => {
    const answer = await answerToEndlessBody(host.url, head(line, json, ...(hasToken ? [authorization] : [])))
    expect(answer.status).toBe(status)
    // What the sockets of both sides buffer is counted as sent.
    expect(answer.sentBytes).toBeLessThan(32 * 1024 * 1024)
  })

  it("answers 413 to a body that is far too long, and lets its sender see the answer", async () => {
    const headers = { "content-type": "application/json" }
    for (const length of [257 * 1024, 1024 * 1024, 5 * 1024 * 1024]) {
      const answer = await host.administrator.send("POST", "/v1/tenants", { rawBody: "x".repeat(length), headers })
      expect(answer).toMatchObject({ status: 413, body: { code: "BODY_TOO_LARGE" } })
    }
  })

  it.each([
    ["Authorization", "Authorization: Bearer other"],
    ["Host", "Host: y"],
    ["host", "host: x"],
    ["Content-Type", "Content-Type: application/json"],
    ["Idempotency-Key", "Idempotency-Key: k"],
    ["If-Match", 'If-Match: "a"'],
    ["Content-Length", "Content-Length: 2"],
    ["Transfer-Encoding", "Transfer-Encoding: chunked"],
    ["Content-Encoding", "Content-Encoding: identity"],
    ["Expect", "Expect: 100-continue"],
    ["X-Request-Id", "X-Request-Id: a"],
    ["Traceparent", "Traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"],
  ])("refuses the header %s when it comes twice, also behind thousands of others", async (name, second) => {
    const first = ["Authorization", "Host", "host", "Content-Type"].includes(name) ? [] : [second]
    const many = Array.from({ length: 2500 }, () => "a:")
    for (const between of [[], many]) {
      const bytes = head("POST /v1/tenants", authorization, json, "Connection: close", ...first, ...between, second)
      const answer = await rawAnswer(host.url, `${bytes}\r\n\r\n{}`)
      expect(answer.status).toBe(400)
      expect(JSON.parse(answer.body)).toMatchObject({ code: "INVALID_REQUEST", origin: "caller" })
    }
  })

  it("refuses a token that is revoked while the body of its request is still on its way", async () => {
    const workload = await tenantClient(host, "acme", "workload")
    const lines = [`Authorization: Bearer ${workload.token}`, json, "Content-Length: 2", "Expect: 100-continue"]
    const begin = async () => {
      const socket = openSocket(host.url)
      socket.write(`${head(`POST ${dataKeys}`, ...lines, "Connection: close")}\r\n\r\n`)
      await arrival(socket, "100 Continue")
      return socket
    }
    const inTime = await begin()
    inTime.write("{}")
    expect((await answerOn(inTime)).status).toBe(200)

    const late = await begin()
    await host.administrator.expect(204, "DELETE", `/v1/tenants/acme/tokens/${workload.tokenId}`)
    late.write("{}")
    const answer = await answerOn(late)
    expect(answer.status).toBe(401)
    expect(answer.body).not.toContain("plaintext")
  })

  it("refuses a body of very many short pieces, and ends its connection", async () => {
    const workload = await tenantClient(host, "acme", "workload")
    const lines = [`Authorization: Bearer ${workload.token}`, json, "Transfer-Encoding: chunked"]
    const socket = openSocket(host.url)
    socket.write(`${head(`POST ${dataKeys}`, ...lines)}\r\n\r\n${"1\r\n \r\n".repeat(20_000)}`)
    const answer = await answerOn(socket)
    expect(answer.status).toBe(413)
    expect(answer.body).toContain("pieces")
  })

  it("gives one tenant at most half of the requests in work, and another tenant its own", async () => {
    const [acme, other] = [await tenantClient(host, "acme", "workload"), await tenantClient(host, "other", "workload")]
    const lines = [`Authorization: Bearer ${acme.token}`, json, "Content-Length: 2", "Expect: 100-continue"]
    const held = [1, 2].map(() => openSocket(host.url))
    for (const socket of held) {
      socket.write(`${head(`POST ${dataKeys}`, ...lines)}\r\n\r\n`)
      await arrival(socket, "100 Continue")
    }
    const refused = await acme.send("POST", dataKeys, { body: {} })
    expect(refused).toMatchObject({ status: 429, body: { code: "TOO_MANY_REQUESTS", retryable: true } })
    expect(refused.headers.get("retry-after")).toBe("1")
    expect((await other.send("POST", dataKeys.replace("acme", "other"), { body: {} })).status).toBe(200)
    for (const socket of held) socket.destroy()
    await waitFor("room for the tenant", async () =>
      (await acme.send("POST", dataKeys, { body: {} })).status === 200 ? true : undefined,
    )
  })

  it("names actor and tenant in the log line of a refused request", async () => {
    const reader = await tenantClient(host, "acme", "reader")
    const refusals = [
      [
        "foreign",
        reader,
        "/v1/tenants/other/keystores",
        { actor: reader.tokenId, tenant: "acme", named_tenant: "other" },
      ],
      ["own", reader, "/v1/tenants/acme/tokens", { actor: reader.tokenId, tenant: "acme" }],
      ["nobody", host.client(), "/v1/tenants/acme/tokens", { actor: "anonymous", tenant: "acme" }],
      ["platform", reader, "/v1/tenants", { actor: reader.tokenId, tenant: "acme" }],
    ] as const
    for (const [id, client, path, fields] of refusals) {
      const answer = await client.send("GET", path, { headers: { "x-request-id": id } })
      const line = await waitFor("the line", () => host.log.lines.find((each) => each.fields.request_id === id))
      expect(line.fields).toMatchObject({ ...fields, status: answer.status, code: answer.body.code })
      expect([401, 403]).toContain(answer.status)
    }
  })
})
