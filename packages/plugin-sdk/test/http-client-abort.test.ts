import { describe, expect, it } from "vitest"
import { withDeadline } from "../src/index.ts"
import { acme, openClient, patience, serve } from "./http-fixture.ts"
import { blackHole, httpServer, tcpServer } from "./server.ts"

describe("http client: ends promptly", () => {
  // The bounds below lie under the 5 s that a connection may take by default, and catch nothing but that wait.
  const elapsed = async (work: Promise<unknown>) => {
    const start = performance.now()
    const error: unknown = await work.then(
      () => undefined,
      (reason: unknown) => reason,
    )
    return { error, elapsedMs: performance.now() - start }
  }

  it("with the signal's own reason, before it starts", async () => {
    const { client } = openClient({ port: 1 })
    const deadline = withDeadline(undefined, 0)
    await expect(
      client.request({ method: "GET", url: "http://127.0.0.1:1/", signal: deadline.signal, call: acme }),
    ).rejects.toBe(deadline.signal.reason)
  })

  it("with the signal's own reason, while a connection is being made", async () => {
    const hole = await serve(blackHole())
    const { client, url } = openClient(hole)
    const deadline = withDeadline(undefined, 100)
    const { error, elapsedMs } = await elapsed(
      client.request({ method: "GET", url, signal: deadline.signal, call: acme }),
    )
    expect(error).toBe(deadline.signal.reason)
    expect(elapsedMs).toBeLessThan(4000)
    expect((await elapsed(client.close())).elapsedMs).toBeLessThan(4000)
  })

  it("with TIMED_OUT when the connection cannot be made in its own time", async () => {
    const hole = await serve(blackHole())
    const { client, url } = openClient(hole, { connectTimeoutMs: 200 })
    const { error, elapsedMs } = await elapsed(client.request({ method: "GET", url, signal: patience(), call: acme }))
    expect(error).toMatchObject({ code: "TIMED_OUT" })
    expect(elapsedMs).toBeLessThan(4000)
  })

  it("with the signal's own reason, while no answer comes", async () => {
    const server = await serve(httpServer(() => {}))
    const { client, url } = openClient(server)
    const deadline = withDeadline(undefined, 100)
    expect((await elapsed(client.request({ method: "GET", url, signal: deadline.signal, call: acme }))).error).toBe(
      deadline.signal.reason,
    )
    await server.empty()
  })

  it("with the signal's own reason, halfway through a body, and frees the connection", async () => {
    const caller = new AbortController()
    const server = await serve(
      httpServer((_request, response) => {
        response.writeHead(200, { "content-length": 1000 })
        response.write("half", () => caller.abort())
      }),
    )
    const { client, url } = openClient(server)
    await expect(client.request({ method: "GET", url, signal: caller.signal, call: acme })).rejects.toMatchObject({
      code: "CANCELLED",
    })
    await server.empty()
  })

  it("while a request body is half sent", async () => {
    const server = await serve(tcpServer((socket) => socket.pause()))
    const { client, url } = openClient(server)
    const deadline = withDeadline(undefined, 200)
    const { error, elapsedMs } = await elapsed(
      client.request({
        method: "POST",
        url,
        body: Buffer.alloc(64 * 1024 * 1024),
        signal: deadline.signal,
        call: acme,
      }),
    )
    expect(error).toBe(deadline.signal.reason)
    expect(elapsedMs).toBeLessThan(4000)
    expect(server.connections()).toBe(1)
  })

  it("with CANCELLED for what is in flight when the client closes, and leaves no connection open", async () => {
    const server = await serve(
      httpServer((request, response) => (request.url === "/idle" ? response.end() : undefined)),
    )
    const { client, url } = openClient(server)
    await client.request({ method: "GET", url: `http://127.0.0.1:${server.port}/idle`, signal: patience(), call: acme })
    const pending = Array.from({ length: 4 }, () =>
      client.request({ method: "GET", url, signal: patience(), call: acme }),
    )
    await server.reached(5)
    const outcomes = Promise.allSettled(pending)
    await client.close()
    await client.close()
    for (const outcome of await outcomes)
      expect(outcome).toMatchObject({ status: "rejected", reason: { code: "CANCELLED" } })
    await server.empty()
    await expect(client.request({ method: "GET", url, signal: patience(), call: acme })).rejects.toMatchObject({
      code: "CANCELLED",
    })
  })

  it("with the signal's own reason, while the name is being resolved", async () => {
    const { client } = openClient({ port: 1 }, {}, () => new Promise(() => {}))
    const deadline = withDeadline(undefined, 100)
    const url = "http://vault.test:8200/"
    const { error } = await elapsed(client.request({ method: "GET", url, signal: deadline.signal, call: acme }))
    expect(error).toBe(deadline.signal.reason)
    const pending = elapsed(client.request({ method: "GET", url, signal: patience(), call: acme }))
    expect((await elapsed(client.close())).elapsedMs).toBeLessThan(4000)
    expect((await pending).error).toMatchObject({ code: "CANCELLED" })
  })

  it("without a warning about listeners, under many parallel requests with one signal", async () => {
    const warnings: Error[] = []
    const onWarning = (warning: Error) => warnings.push(warning)
    process.on("warning", onWarning)
    const server = await serve(httpServer((_request, response) => response.end("ok")))
    const { client, url } = openClient(server)
    const signal = patience()
    await Promise.all(Array.from({ length: 100 }, () => client.request({ method: "GET", url, signal, call: acme })))
    process.off("warning", onWarning)
    expect(warnings).toEqual([])
  })
})
