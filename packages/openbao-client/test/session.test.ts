import { PluginError, type PluginServices } from "@apeiro-cmk/plugin-interface"
import { fakeClock, testCall, testServices } from "@apeiro-cmk/plugin-sdk/testing"
import { describe, expect, it } from "vitest"
import { createOpenBaoClient, type OpenBaoLogin } from "../src/index.ts"
import { type ScriptedAnswer, ScriptedHttp } from "./scripted-http.ts"

const hour = 3_600_000
const appRole: OpenBaoLogin = {
  method: "approle",
  mountPath: "approle",
  roleId: "role",
  secretId: async () => Buffer.from("secret"),
}
const read = { method: "GET", path: "transit/keys/k" } as const
const denied = { status: 403, body: { errors: ["1 error occurred:\n\t* permission denied\n\n"] } }
const badToken = { status: 403, body: { errors: ["permission denied"] } }

/**
 * Simulates auth/: numbers the tokens, each of which lives an hour and can be renewed; `renewal` replaces that answer.
 */
function setUp(
  options: {
    login?: OpenBaoLogin
    renewal?: ScriptedAnswer
    services?: Partial<PluginServices>
    randomByte?: number
  } = {},
) {
  const clock = fakeClock()
  const { logger: _, ...overrides } = options.services ?? {}
  // Default: the latest time for a renewal, 80 % of the life.
  const random = { bytes: (length: number) => new Uint8Array(length).fill(options.randomByte ?? 255) }
  const services = testServices({ clock, random, ...overrides })
  let made = 0
  const token = (seconds: number, name: string) => ({
    status: 200,
    body: { auth: { client_token: name, lease_duration: seconds, renewable: true } },
  })
  const http = new ScriptedHttp((path, name) => {
    if (path === "auth/approle/login") return token(3600, `token-${++made}`)
    if (path === "auth/token/renew-self") return options.renewal ?? token(3600, name ?? "")
    if (path === "auth/token/lookup-self") return { status: 200, body: { data: { ttl: 3600, renewable: true } } }
    return { status: 200, body: { data: {} } }
  })
  const client = createOpenBaoClient({
    address: "https://openbao.example.com",
    login: options.login ?? appRole,
    tenantId: "acme",
    http,
    requestTimeoutMs: 5_000,
    services,
  })
  return { client, http, clock, services }
}

describe("the life of a token", () => {
  it("begins at the first request, with one login for all waiting callers", async () => {
    const { client, http } = setUp()
    expect(http.requests).toEqual([])
    await Promise.all(Array.from({ length: 10 }, () => client.request(read, testCall())))
    expect(http.count("auth/approle/login")).toBe(1)
    expect(http.count("transit/keys/k")).toBe(10)
  })

  it.each([0, 100, 255])(
    "is renewed between 60 and 80 %% of its life, without any request (random byte %i)",
    async (randomByte) => {
      const { client, http, clock } = setUp({ randomByte })
      await client.request(read, testCall())
      await clock.advance(0.59 * hour)
      expect(http.count("auth/token/renew-self")).toBe(0)
      await clock.advance(0.22 * hour)
      expect(http.count("auth/token/renew-self")).toBe(1)
      await clock.advance(10 * hour)
      expect(http.count("auth/token/renew-self")).toBeGreaterThan(10)
      expect(http.count("auth/approle/login")).toBe(1)
    },
  )

  it("ends with a new login where renewals are cut short by the maximum life", async () => {
    const cutShort = { status: 200, body: { auth: { client_token: "token-1", lease_duration: 600, renewable: true } } }
    const { client, http, clock } = setUp({ renewal: cutShort })
    await client.request(read, testCall())
    await clock.advance(0.81 * hour)
    expect([http.count("auth/token/renew-self"), http.count("auth/approle/login")]).toEqual([1, 1])
    await clock.advance(500_000)
    expect([http.count("auth/token/renew-self"), http.count("auth/approle/login")]).toEqual([1, 2])
  })

  it("ends with a new login where the policies do not allow a renewal", async () => {
    const { client, http, clock } = setUp({ renewal: denied })
    await client.request(read, testCall())
    await clock.advance(0.81 * hour)
    expect(http.count("auth/approle/login")).toBe(2)
  })

  it("survives a failed renewal, which is retried until the token ends", async () => {
    const { client, http, clock } = setUp({ renewal: { status: 500 } })
    await client.request(read, testCall())
    await clock.advance(0.99 * hour)
    const renewals = http.count("auth/token/renew-self")
    expect(renewals).toBeGreaterThan(3)
    expect(http.count("auth/approle/login")).toBe(1)
    await clock.advance(0.1 * hour)
    await client.request(read, testCall())
    expect(http.count("auth/approle/login")).toBe(2)
  })

  it("ends when an explicit login has replaced it", async () => {
    const { client, http } = setUp()
    await client.request(read, testCall())
    await expect(client.logIn(testCall())).resolves.toBe(hour)
    const revoked = http.requests.filter(({ url }) => url.endsWith("/revoke-self"))
    expect(revoked.map(({ headers }) => headers?.["x-vault-token"])).toEqual(["token-1"])
    await client.request(read, testCall())
    expect(http.requests.at(-1)?.headers?.["x-vault-token"]).toBe("token-2")
  })

  it("is renewed once for parallel renewal requests", async () => {
    const { client, http } = setUp()
    await Promise.all([client.renewToken(testCall()), client.renewToken(testCall())])
    expect(http.count("auth/token/renew-self")).toBe(1)
  })

  it("ends with the client, which revokes the token and leaves no timer behind", async () => {
    const { client, http, clock } = setUp()
    await client.request(read, testCall())
    expect(clock.pendingTimers()).toBeGreaterThan(0)
    await client.close()
    expect(clock.pendingTimers()).toBe(0)
    expect(http.count("auth/token/revoke-self")).toBe(1)
    await expect(client.request(read, testCall())).rejects.toMatchObject({ code: "CANCELLED" })
  })
})

describe("a 403", () => {
  it("is returned when the token proves valid", async () => {
    const { client, http } = setUp()
    const { answer } = http
    http.answer = (path, token) => (path === read.path ? denied : answer(path, token))
    await expect(client.request(read, testCall())).resolves.toMatchObject({ status: 403 })
    expect(http.count("auth/approle/login")).toBe(1)
  })

  it.each([
    ["OpenBao", "permission denied"],
    ["Vault", "2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n"],
  ])(
    "leads to one new login when the token proves invalid in the words of %s, then to CREDENTIAL_REJECTED",
    async (_, text) => {
      const { client, http } = setUp()
      const { answer } = http
      const isBad = (path: string) => path === read.path || path === "auth/token/lookup-self"
      http.answer = (path, token) => (isBad(path) ? { status: 403, body: { errors: [text] } } : answer(path, token))
      await expect(client.request(read, testCall())).rejects.toMatchObject({ code: "CREDENTIAL_REJECTED" })
      expect(http.count("auth/approle/login")).toBe(2)
    },
  )

  it("is returned when the token is valid but may not look itself up", async () => {
    const { client, http } = setUp()
    const { answer } = http
    const isDenied = (path: string) => path === read.path || path === "auth/token/lookup-self"
    http.answer = (path, token) => (isDenied(path) ? denied : answer(path, token))
    await expect(client.request(read, testCall())).resolves.toMatchObject({ status: 403 })
    expect(http.count("auth/approle/login")).toBe(1)
  })

  it("makes the client read a stored token again, which may have been replaced", async () => {
    let stored = "old"
    const login: OpenBaoLogin = { method: "token", token: async () => Buffer.from(stored) }
    const { client, http } = setUp({ login })
    const { answer } = http
    await client.request(read, testCall())
    http.answer = (path, token) => (token === "old" ? badToken : answer(path, token))
    await expect(client.request(read, testCall())).rejects.toMatchObject({ code: "CREDENTIAL_REJECTED" })
    stored = "new"
    await expect(client.request(read, testCall())).resolves.toMatchObject({ status: 200 })
  })
})

describe("logins and renewals", () => {
  it("are recorded in the tenant's audit stream, including those that fail", async () => {
    const { client, services, clock } = setUp({ renewal: { status: 500 } })
    await client.request(read, testCall())
    await clock.advance(0.81 * hour)
    const call = { tenantId: "acme", requestId: "test-request", keystoreId: "test-keystore" }
    const common = { ...call, facts: { method: "approle" } }
    expect(services.auditEvents.slice(0, 2)).toEqual([
      { ...common, action: "keystoreLogin", outcome: "success" },
      { ...common, action: "keystoreTokenRenewal", outcome: "failure", code: "UNREACHABLE" },
    ])
  })

  it("are recorded under the call that caused them, also when they happen in the background", async () => {
    const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    const seen: unknown[] = []
    const audit: PluginServices["audit"] = { record: async (event, call) => void seen.push([event.action, call]) }
    const { client, clock } = setUp({ services: { audit } })
    await client.request(read, { ...testCall(), traceparent })
    await clock.advance(0.81 * hour)
    const cause = expect.objectContaining({ tenantId: "acme", traceparent })
    expect(seen).toEqual([
      ["keystoreLogin", cause],
      ["keystoreTokenRenewal", cause],
    ])
  })

  it("do not count when the audit log does not accept them", async () => {
    const audit = { record: () => Promise.reject(new Error("database down")) }
    const { client, http } = setUp({ services: { audit } })
    await expect(client.request(read, testCall())).rejects.toMatchObject({ origin: "host", retryable: true })
    expect(http.count(read.path)).toBe(0)
  })

  it("are retried at once with a new secret id, but not with the one that was rejected", async () => {
    let secret = "wrong"
    const login: OpenBaoLogin = { ...appRole, secretId: async () => Buffer.from(secret) }
    const { client, http, clock } = setUp({ login })
    const { answer } = http
    http.answer = (path, token) =>
      path === "auth/approle/login" && secret === "wrong"
        ? { status: 400, body: { errors: ["x"] } }
        : answer(path, token)
    for (let attempt = 0; attempt < 5; attempt += 1) {
      await expect(client.request(read, testCall())).rejects.toMatchObject({ code: "CREDENTIAL_REJECTED" })
    }
    expect(http.count("auth/approle/login")).toBe(1)
    await clock.advance(241_000)
    await expect(client.request(read, testCall())).rejects.toMatchObject({ code: "CREDENTIAL_REJECTED" })
    expect(http.count("auth/approle/login")).toBe(2)
    secret = "right"
    await expect(client.request(read, testCall())).resolves.toMatchObject({ status: 200 })
  })

  it("end for a caller that gives up, and continue for the others", async () => {
    const { client, http } = setUp()
    const { answer } = http
    const login = Promise.withResolvers<void>()
    http.answer = async (path, token) => {
      if (path === "auth/approle/login") await login.promise
      return answer(path, token)
    }
    const impatient = new AbortController()
    const first = client.request(read, testCall({ signal: impatient.signal }))
    const second = client.request(read, testCall())
    impatient.abort()
    await expect(first).rejects.toBeInstanceOf(PluginError)
    await expect(first).rejects.toMatchObject({ code: "CANCELLED" })
    login.resolve()
    await expect(second).resolves.toMatchObject({ status: 200 })
    expect(http.count("auth/approle/login")).toBe(1)
  })
})

describe("sys/health", () => {
  it("is requested without a token and a namespace, and reports a sealed server", async () => {
    const { client, http } = setUp()
    const health = { initialized: true, sealed: true, standby: true, version: "2.7.2" }
    http.answer = () => ({ status: 200, body: health })
    await expect(client.health(testCall())).resolves.toEqual(health)
    expect(http.requests.map(({ headers }) => headers ?? {})).toEqual([{}])
  })

  it("explains a 503: the server is sealed or merely unavailable", async () => {
    const { client, http } = setUp()
    const { answer } = http
    for (const [sealed, code] of [
      [true, "SEALED"],
      [false, "UNREACHABLE"],
    ] as const) {
      http.answer = (path, token) => {
        if (path === read.path) return { status: 503, body: { errors: [] } }
        if (path !== "sys/health") return answer(path, token)
        return { status: 200, body: { initialized: true, sealed, standby: true, version: "2.7.2" } }
      }
      await expect(client.request(read, testCall())).rejects.toMatchObject({ code })
    }
  })
})
