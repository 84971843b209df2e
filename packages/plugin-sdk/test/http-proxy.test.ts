import { TLSSocket } from "node:tls"
import type { HttpClientOptions } from "@apeiro-cmk/plugin-interface"
import { connectProxy } from "@apeiro-cmk/test-backends"
import { afterEach, describe, expect, it } from "vitest"
import * as z from "zod"
import { namesEveryHost, parseConfiguration, proxyConfiguration } from "../src/index.ts"
import { testServices } from "../src/testing.ts"
import { testAuthority } from "./certificates.ts"
import { acme, patience, serve } from "./http-fixture.ts"
import { httpServer } from "./server.ts"

const cleanups: (() => Promise<void>)[] = []
const authority = testAuthority("test authority")

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

function clientThrough(proxy: HttpClientOptions["proxy"], tls?: HttpClientOptions["tls"]) {
  const client = testServices().createHttpClient({
    egress: {
      allowedEndpoints: ["https://vault.test:*", "http://vault.test:*", "https://127.0.0.1:*", "http://127.0.0.1:*"],
      allowedAddresses: [],
    },
    connectTimeoutMs: 2_000,
    ...(proxy === undefined ? {} : { proxy }),
    ...(tls === undefined ? {} : { tls }),
  })
  cleanups.push(() => client.close())
  return async (url: string) => {
    const answer = await client.request({ method: "GET", url, signal: patience(), call: acme })
    return Buffer.from(answer.body).toString()
  }
}

const tlsServer = () =>
  serve(
    httpServer(
      (request, response) => {
        const { socket } = request
        response.end(socket instanceof TLSSocket ? String(socket.getPeerCertificate().subject?.CN) : "no TLS")
      },
      {
        tls: {
          ...asServer(authority.issue("vault", ["vault.test"])),
          ca: authority.certificate,
          requestCert: true,
          rejectUnauthorized: false,
        },
      },
    ),
  )

const asServer = (issued: { certificate: string; privateKey: string }) => ({
  cert: issued.certificate,
  key: issued.privateKey,
})

describe("a proxy", () => {
  it("tunnels TLS and sees only name and port, and the server's certificate is still checked", async () => {
    const server = await tlsServer()
    const proxy = await serve(connectProxy())
    const get = clientThrough(
      { url: proxy.url, noProxy: [] },
      { certificateAuthority: authority.certificate, ...authority.issue("openkcm") },
    )
    await expect(get(`https://vault.test:${server.port}/v1/secret-path`)).resolves.toBe("openkcm")
    expect(proxy.targets).toEqual([`vault.test:${server.port}`])
    expect(proxy.untunnelled).toEqual([])
    const distrusting = clientThrough({ url: proxy.url, noProxy: [] })
    await expect(distrusting(`https://vault.test:${server.port}/`)).rejects.toMatchObject({
      code: "UNREACHABLE",
      retryable: false,
    })
  })

  it("tunnels plain HTTP, too", async () => {
    const server = await serve(httpServer((_, response) => response.end("plain")))
    const proxy = await serve(connectProxy())
    const get = clientThrough({ url: proxy.url, noProxy: [] })
    await expect(get(`http://vault.test:${server.port}/`)).resolves.toBe("plain")
    expect([proxy.targets, proxy.untunnelled]).toEqual([[`vault.test:${server.port}`], []])
  })

  it("is not used for hosts of noProxy, whose addresses are checked as usual", async () => {
    const server = await serve(httpServer((_, response) => response.end("plain")))
    const proxy = await serve(connectProxy())
    const get = clientThrough({ url: proxy.url, noProxy: ["127.0.0.1"] })
    await expect(get(`http://127.0.0.1:${server.port}/`)).rejects.toMatchObject({
      code: "UNREACHABLE",
      origin: "caller",
    })
    expect(proxy.targets).toEqual([])
  })

  it("is not used for an address that the policy forbids, nor for an endpoint that is not allowed", async () => {
    const proxy = await serve(connectProxy())
    const get = clientThrough({ url: proxy.url, noProxy: [] })
    await expect(get("https://127.0.0.1:8200/")).rejects.toMatchObject({ code: "UNREACHABLE", origin: "caller" })
    await expect(get("https://elsewhere.test/")).rejects.toMatchObject({ code: "INVALID_REQUEST" })
    expect(proxy.targets).toEqual([])
  })

  it("is blamed, as the operator's, when it refuses, hangs up or is unreachable", async () => {
    const refusing = await serve(connectProxy(() => undefined))
    await expect(clientThrough({ url: refusing.url, noProxy: [] })("https://vault.test/")).rejects.toMatchObject({
      code: "UNREACHABLE",
      origin: "host",
      message: expect.stringContaining("proxy"),
    })
    const gone = await connectProxy()
    await gone[Symbol.asyncDispose]()
    await expect(clientThrough({ url: gone.url, noProxy: [] })("https://vault.test/")).rejects.toMatchObject({
      code: "UNREACHABLE",
      origin: "host",
      message: "The proxy cannot be reached.",
    })
  })

  it("keeps no connection after close", async () => {
    const server = await serve(httpServer((_, response) => response.end("plain")))
    const proxy = await serve(connectProxy())
    const get = clientThrough({ url: proxy.url, noProxy: [] })
    await get(`http://vault.test:${server.port}/`)
    await cleanups.pop()?.()
    await server.empty()
  })
})

describe("proxyConfiguration", () => {
  const schema = z.strictObject(proxyConfiguration)
  const ok = (value: unknown) => parseConfiguration(schema, value).ok

  it("takes an address without user and path, and exceptions by name", () => {
    expect(ok({ proxy: "http://proxy.internal:3128", noProxy: ["*.internal", "vault:8200", "10.0.0.1"] })).toBe(true)
    expect(parseConfiguration(schema, {})).toEqual({ ok: true, value: { noProxy: [] } })
    expect(ok({ proxy: "http://user:secret@proxy:3128" })).toBe(false)
    expect(ok({ proxy: "http://proxy:3128/path" })).toBe(false)
    expect(ok({ proxy: "socks5://proxy" })).toBe(false)
    expect(ok({ noProxy: ["*"] })).toBe(false)
    expect(ok({ noProxy: ["https://vault"] })).toBe(false)
  })

  it.each([
    ["https://*", false],
    ["https://*:8200", false],
    ["https://*.example.com", true],
    ["https://vault.example.com:8200", true],
  ])("says that %s names its host: %s", (endpoint, names) => {
    expect(namesEveryHost({ allowedEndpoints: [endpoint] })).toBe(names)
  })
})
