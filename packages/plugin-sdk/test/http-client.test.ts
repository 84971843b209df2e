import { text } from "node:stream/consumers"
import type { HttpClient } from "@apeiro-cmk/plugin-interface"
import { describe, expect, it } from "vitest"
import { acme, openClient, patience, serve } from "./http-fixture.ts"
import { httpServer, tcpServer } from "./server.ts"

const canary = "canary-3f9c1e7a55d2"

describe("http client", () => {
  it("sends method, headers and body, and returns status, headers and bytes", async () => {
    const server = await serve(
      httpServer((request, response) => {
        void text(request).then((body) => {
          response.writeHead(418, { "X-Echo": [String(request.headers["x-token"]), "two"] })
          response.end(`${request.method} ${request.url} ${body}`)
        })
      }),
    )
    const { client, url } = openClient(server)
    const answer = await client.request({
      method: "PUT",
      url: `${url}?list=true`,
      headers: { "x-token": "t" },
      body: "b",
      signal: patience(),
      call: acme,
    })
    expect(answer.status).toBe(418)
    expect(answer.headers["x-echo"]).toBe("t, two")
    expect(Buffer.from(answer.body).toString()).toBe("PUT /v1/sys/health?list=true b")
  })

  it("sends OpenBao's own method LIST", async () => {
    const server = await serve(
      tcpServer((socket) =>
        socket.once("data", (data) => {
          const line = data.toString().split("\r\n")[0] ?? ""
          socket.end(`HTTP/1.1 200 OK\r\ncontent-length: ${line.length}\r\n\r\n${line}`)
        }),
      ),
    )
    const { client, url } = openClient(server)
    const answer = await client.request({ method: "LIST", url, signal: patience(), call: acme })
    expect(Buffer.from(answer.body).toString()).toBe("LIST /v1/sys/health HTTP/1.1")
  })

  it("keeps its connections for the next requests", async () => {
    const server = await serve(httpServer((_request, response) => response.end("ok")))
    const { client, url } = openClient(server)
    for (let round = 0; round < 50; round += 1)
      await client.request({ method: "GET", url, signal: patience(), call: acme })
    // undici may open a second one while the first is about to be free again.
    expect(server.connections()).toBeLessThanOrEqual(2)
  })

  it("serves parallel requests over at most the given number of connections", async () => {
    const server = await serve(httpServer((request, response) => response.end(request.url)))
    const { client, url } = openClient(server, { connections: 3 })
    const answers = await Promise.all(
      Array.from({ length: 30 }, async (_, index) => {
        const { body } = await client.request({ method: "GET", url: `${url}/${index}`, signal: patience(), call: acme })
        return Buffer.from(body).toString()
      }),
    )
    expect(answers).toEqual(Array.from({ length: 30 }, (_, index) => `/v1/sys/health/${index}`))
    expect(server.connections()).toBeLessThanOrEqual(3)
  })

  it("returns a redirect as an answer and does not follow it", async () => {
    const forbidden = await serve(httpServer((_request, response) => response.end("secret")))
    const server = await serve(
      httpServer((_request, response) => {
        response.writeHead(307, { location: `http://127.0.0.1:${forbidden.port}/` }).end()
      }),
    )
    const { client, url } = openClient(server)
    expect(await client.request({ method: "GET", url, signal: patience(), call: acme })).toMatchObject({ status: 307 })
    expect(forbidden.connections()).toBe(0)
  })

  it("refuses a body over the limit, announced or not, and accepts one of exactly the limit", async () => {
    const server = await serve(
      httpServer((request, response) => {
        if (request.url === "/announced") response.setHeader("content-length", 101)
        response.write(Buffer.alloc(50))
        response.end(Buffer.alloc(request.url === "/fits" ? 50 : 51))
      }),
    )
    const { client } = openClient(server)
    const get = (path: string) =>
      client.request({
        method: "GET",
        url: `http://127.0.0.1:${server.port}${path}`,
        signal: patience(),
        call: acme,
        maxResponseBytes: 100,
      })
    await expect(get("/announced")).rejects.toMatchObject({ code: "BAD_RESPONSE" })
    await expect(get("/chunked")).rejects.toMatchObject({ code: "BAD_RESPONSE" })
    expect((await get("/fits")).body.length).toBe(100)
  })

  it("stops reading an endless body at the limit", async () => {
    const server = await serve(
      httpServer((_request, response) => {
        const pump = () => {
          while (response.writable && response.write(Buffer.alloc(65_536))) {}
        }
        response.on("drain", pump)
        pump()
      }),
    )
    const { client, url } = openClient(server)
    await expect(client.request({ method: "GET", url, signal: patience(), call: acme })).rejects.toMatchObject({
      code: "BAD_RESPONSE",
    })
    await server.empty()
  })
})

describe("http client: a failure has a code, and no secret", () => {
  const attempt = async (client: HttpClient, url: string) => {
    const error: unknown = await client
      .request({
        method: "POST",
        url,
        headers: { "x-vault-token": canary },
        body: canary,
        signal: patience(),
        call: acme,
      })
      .then(
        () => undefined,
        (reason: unknown) => reason,
      )
    const shown = JSON.stringify(error, Object.getOwnPropertyNames(Object(error)))
    const cause: unknown = Object(error).cause
    expect(shown + String(error) + JSON.stringify(cause, Object.getOwnPropertyNames(Object(cause)))).not.toContain(
      canary,
    )
    return error
  }

  it("refused: UNREACHABLE", async () => {
    const server = await httpServer(() => {})
    await server[Symbol.asyncDispose]()
    const { client, url } = openClient(server)
    expect(await attempt(client, url)).toMatchObject({
      code: "UNREACHABLE",
      origin: "network",
      retryable: true,
      cause: { code: "ECONNREFUSED" },
    })
  })

  it("reset: UNREACHABLE", async () => {
    const server = await serve(tcpServer((socket) => socket.once("data", () => socket.resetAndDestroy())))
    const { client, url } = openClient(server)
    expect(await attempt(client, url)).toMatchObject({ code: "UNREACHABLE", origin: "network", retryable: true })
  })

  it("closed without an answer: UNREACHABLE", async () => {
    const server = await serve(tcpServer((socket) => socket.once("data", () => socket.end())))
    const { client, url } = openClient(server)
    expect(await attempt(client, url)).toMatchObject({ code: "UNREACHABLE", cause: { code: "UND_ERR_SOCKET" } })
  })

  it("no HTTP, echoing the request: BAD_RESPONSE", async () => {
    const server = await serve(tcpServer((socket) => socket.once("data", (data) => socket.end(data))))
    const { client, url } = openClient(server)
    expect(await attempt(client, url)).toMatchObject({ code: "BAD_RESPONSE", origin: "backend", retryable: false })
  })

  it.each([
    "101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: other",
    "101 Switching Protocols",
    "100 Continue",
  ])("%j, which was not asked for: BAD_RESPONSE", async (status) => {
    const server = await serve(
      tcpServer((socket) => socket.once("data", () => socket.write(`HTTP/1.1 ${status}\r\n\r\n`))),
    )
    const { client, url } = openClient(server)
    expect(await attempt(client, url)).toMatchObject({
      code: "BAD_RESPONSE",
      origin: "backend",
      retryable: false,
      message: expect.stringContaining("101"),
    })
  })

  it("a body shorter than announced: no success", async () => {
    const server = await serve(
      tcpServer((socket) =>
        socket.once("data", () => socket.end("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort")),
      ),
    )
    const { client, url } = openClient(server)
    expect(await attempt(client, url)).toMatchObject({ code: expect.stringMatching(/^(UNREACHABLE|BAD_RESPONSE)$/) })
  })

  it("headers without end: BAD_RESPONSE", async () => {
    const server = await serve(
      tcpServer((socket) =>
        socket.once("data", () => socket.write(`HTTP/1.1 200 OK\r\nx: ${"y".repeat(200_000)}\r\n`)),
      ),
    )
    const { client, url } = openClient(server)
    expect(await attempt(client, url)).toMatchObject({
      code: "BAD_RESPONSE",
      cause: { code: "UND_ERR_HEADERS_OVERFLOW" },
    })
  })

  it("a header with a line break: INVALID_REQUEST", async () => {
    const server = await serve(httpServer((_request, response) => response.end()))
    const { client, url } = openClient(server)
    const sent = client.request({
      method: "GET",
      url,
      headers: { "x-token": `${canary}\r\nx: y` },
      signal: patience(),
      call: acme,
    })
    const error: unknown = await sent.catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: "INVALID_REQUEST" })
    expect(String(error)).not.toContain(canary)
    expect(server.connections()).toBe(0)
  })

  it("works again on the same client once the server is back", async () => {
    let broken = true
    const server = await serve(
      httpServer((_request, response) => {
        if (broken) response.destroy()
        else response.end("ok")
      }),
    )
    const { client, url } = openClient(server)
    expect(await attempt(client, url)).toMatchObject({ code: "UNREACHABLE" })
    broken = false
    expect(await client.request({ method: "GET", url, signal: patience(), call: acme })).toMatchObject({ status: 200 })
  })
})
