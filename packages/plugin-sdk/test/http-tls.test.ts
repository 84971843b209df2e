import type { TLSSocket } from "node:tls"
import type { TlsOptions } from "@apeiro-cmk/plugin-interface"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { testServices } from "../src/testing.ts"
import { testAuthority } from "./certificates.ts"
import { httpServer, type TestServer, tcpServer } from "./server.ts"

const authority = testAuthority("Acme Root")
const other = testAuthority("Other Root")
const cleanups: (() => Promise<void>)[] = []
let server: TestServer

async function start(identity: { certificate: string; privateKey: string }, clients?: string): Promise<TestServer> {
  const started = await httpServer(
    (request, response) => response.end((request.socket as TLSSocket).getPeerCertificate().subject?.CN ?? "nobody"),
    {
      tls: {
        cert: identity.certificate,
        key: identity.privateKey,
        ...(clients === undefined ? {} : { ca: clients, requestCert: true, rejectUnauthorized: true }),
      },
    },
  )
  cleanups.push(() => started[Symbol.asyncDispose]())
  return started
}

beforeEach(async () => {
  server = await start(authority.issue("vault", ["127.0.0.1", "vault.test"]))
})

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

async function get(port: number, tls?: TlsOptions, host = "127.0.0.1") {
  const client = testServices({ lookup: async () => [{ address: "127.0.0.1", family: 4 }] }).createHttpClient({
    egress: { allowedEndpoints: ["https://*"], allowedAddresses: ["127.0.0.1/32"] },
    ...(tls === undefined ? {} : { tls }),
  })
  try {
    const url = `https://${host}:${port}/`
    const answer = await client.request({
      method: "GET",
      url,
      signal: AbortSignal.timeout(20_000),
      call: { tenantId: "acme" },
    })
    return Buffer.from(answer.body).toString()
  } finally {
    await client.close()
  }
}

const untrusted = { code: "UNREACHABLE", origin: "network", retryable: false }

describe("https", () => {
  it("trusts the configured authority, by address and by name", async () => {
    const tls = { certificateAuthority: authority.certificate }
    expect(await get(server.port, tls)).toBe("nobody")
    expect(await get(server.port, tls, "vault.test")).toBe("nobody")
  })

  it("trusts neither an unknown authority nor another host's certificate", async () => {
    await expect(get(server.port)).rejects.toMatchObject(untrusted)
    await expect(get(server.port, { certificateAuthority: other.certificate })).rejects.toMatchObject(untrusted)
    await expect(get(server.port, { certificateAuthority: authority.certificate }, "evil.test")).rejects.toMatchObject({
      ...untrusted,
      cause: { code: "ERR_TLS_CERT_ALTNAME_INVALID" },
    })
  })

  it("checks certificates whatever the environment says", async () => {
    const before = process.env.NODE_TLS_REJECT_UNAUTHORIZED
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = "0"
    try {
      await expect(get(server.port)).rejects.toMatchObject(untrusted)
    } finally {
      if (before === undefined) delete process.env.NODE_TLS_REJECT_UNAUTHORIZED
      else process.env.NODE_TLS_REJECT_UNAUTHORIZED = before
    }
  })

  it("sends the client certificate, and says what is wrong without one or with a foreign one", async () => {
    const mutual = await start(authority.issue("vault", ["127.0.0.1"]), authority.certificate)
    const tls = { certificateAuthority: authority.certificate }
    expect(await get(mutual.port, { ...tls, ...authority.issue("openkcm") })).toBe("openkcm")
    await expect(get(mutual.port, tls)).rejects.toMatchObject({ code: "UNREACHABLE" })
    await expect(get(mutual.port, { ...tls, ...other.issue("openkcm") })).rejects.toMatchObject({ code: "UNREACHABLE" })
  })

  it("calls a malformed certificate or key INVALID_REQUEST, without repeating it", async () => {
    const privateKey = "-----BEGIN PRIVATE KEY-----\ncanary-77aa\n-----END PRIVATE KEY-----\n"
    const { certificate } = authority.issue("openkcm")
    const error: unknown = await get(server.port, { certificate, privateKey }).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: "INVALID_REQUEST" })
    expect(`${error} ${Object(error).cause}`).not.toContain("canary")
  })

  it("reports UNREACHABLE when the port does not use TLS", async () => {
    const plain = await tcpServer((socket) => socket.once("data", () => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n")))
    cleanups.push(() => plain[Symbol.asyncDispose]())
    await expect(get(plain.port)).rejects.toMatchObject({ ...untrusted, nextStep: expect.stringContaining("server") })
  })
})
