import { stat } from "node:fs/promises"
import { join } from "node:path"
import { apiRoutes } from "@apeiro-cmk/http-api"
import { systemClock } from "@apeiro-cmk/plugin-sdk/services"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { tenantClient, tenantWithKeys } from "./fixtures.ts"
import { startTestHost, type TestHost } from "./test-host.ts"
import { object, objects, text } from "./values.ts"
import { waitFor } from "./wait-for.ts"

/** Reads all entries of an audit log with this action. */
async function entriesOf(host: TestHost, log: string, action: string): Promise<readonly Record<string, unknown>[]> {
  return waitFor("a log without waiting entries", async () => {
    const answer = await host.administrator.expect(200, "GET", `${log}/audit/entries?limit=1000`)
    const events = objects(answer.entries).map((entry) => object(entry.event))
    return answer.waiting === 0 ? events.filter((event) => event.action === action) : undefined
  })
}

describe("authorization", () => {
  let host: TestHost
  let dataKeys: string
  beforeAll(async () => {
    host = await startTestHost()
    dataKeys = await tenantWithKeys(host, "acme")
    await tenantWithKeys(host, "other", "second")
  })
  afterAll(() => host[Symbol.asyncDispose]())

  it("keeps the administrator's token in a 0600 file of a 0700 directory, as a header for curl", async () => {
    expect((await stat(host.folder.dataDirectory)).mode & 0o777).toBe(0o700)
    const names = ["administrator.header", "credential-root.key", "local-keystore.key", "host.sqlite"]
    for (const name of names) expect((await stat(join(host.folder.dataDirectory, name))).mode & 0o777).toBe(0o600)
  })

  it.each([undefined, "", "Basic YTpi", "Bearer", "Bearer x", `Bearer acmk_${"A".repeat(43)}`])(
    "answers 401 to the authorization %j",
    async (authorization) => {
      const headers = authorization === undefined ? {} : { authorization }
      const answer = await host.client().send("GET", "/v1/tenants", { headers })
      expect(answer).toMatchObject({ status: 401, body: { code: "UNAUTHENTICATED" } })
    },
  )

  it("records bad tokens in the platform's log, up to a bound per minute", async () => {
    const before = await entriesOf(host, "/v1/platform", "unauthenticatedRequest")
    expect(before.length).toBeGreaterThan(0)
    const flood = Array.from({ length: 150 }, () => host.client().send("GET", "/v1/tenants"))
    for (const answer of await Promise.all(flood)) expect(answer.status).toBe(401)
    const after = await entriesOf(host, "/v1/platform", "unauthenticatedRequest")
    expect(after.length).toBeLessThanOrEqual(60)
  })

  it.each([
    ["reader", { read: 200, use: 403, write: 403, tokens: 403, audit: 200, verify: 403 }],
    ["workload", { read: 403, use: 200, write: 403, tokens: 403, audit: 403, verify: 403 }],
    ["administrator", { read: 200, use: 200, write: 201, tokens: 200, audit: 200, verify: 200 }],
  ] as const)("allows the role %s its work and nothing else", async (role, expected) => {
    const client = await tenantClient(host, "acme", role)
    const status = async (method: string, path: string, body?: unknown) =>
      (await client.send(method, path, body === undefined ? {} : { body })).status
    expect(await status("GET", "/v1/tenants/acme/keystores")).toBe(expected.read)
    expect(await status("POST", dataKeys, {})).toBe(expected.use)
    expect(await status("POST", "/v1/tenants/acme/service-keys", { name: `by-${role}` })).toBe(expected.write)
    expect(await status("GET", "/v1/tenants/acme/tokens")).toBe(expected.tokens)
    expect(await status("GET", "/v1/tenants/acme/audit/entries")).toBe(expected.audit)
    expect(await status("GET", "/v1/tenants/acme/verify")).toBe(expected.verify)
    expect(await status("GET", "/v1/plugins")).toBe(200)
    expect(await status("GET", "/v1/tenants")).toBe(403)
    expect(await status("POST", "/v1/tenants", { tenant_id: "mine" })).toBe(403)
    expect(await status("GET", "/v1/platform/audit/entries")).toBe(403)
  })

  it("refuses a tenant's token for another tenant, existing or not, and records the refusal", async () => {
    const client = await tenantClient(host, "acme", "administrator")
    const existing = await client.send("GET", "/v1/tenants/other/keystores")
    const missing = await client.send("GET", "/v1/tenants/nobody/keystores")
    expect(existing).toMatchObject({ status: 403, body: { code: "FORBIDDEN" } })
    expect({ ...missing.body, request_id: "" }).toEqual({ ...existing.body, request_id: "" })
    const refusals = await entriesOf(host, "/v1/tenants/acme", "unauthorizedRequest")
    const mine = refusals.filter((event) => object(event.actor).id === client.tokenId)
    expect(mine.map((event) => object(event.facts).tenant)).toEqual(["other", "nobody"])
    expect(mine[0]).toMatchObject({
      outcome: "failure",
      code: "FORBIDDEN",
      request_id: existing.headers.get("x-request-id"),
    })
  })

  it("sends a tenant's token on a platform route to the platform administrator's token", async () => {
    const client = await tenantClient(host, "acme", "administrator")
    const { body } = await client.send("GET", "/v1/platform/keystores")
    expect(body).toMatchObject({
      code: "FORBIDDEN",
      next_step: expect.stringContaining("platform administrator's token"),
    })
  })

  it("guards every route: nobody without a token, no tenant on another's path, no tenant on the platform's", async () => {
    const foreign = await tenantClient(host, "other", "administrator")
    const values: Record<string, string> = {
      tenant_id: "acme",
      keystore_id: "local",
      service_key: "payments",
      token_id: foreign.tokenId,
      claim_id: "01a2111b-b0e4-74bb-bbbe-da2a823de2d0",
      name: "local",
    }
    const guarded = apiRoutes.filter(({ permission }) => permission !== "public")
    expect(guarded.length).toBeGreaterThan(25)
    for (const route of guarded) {
      const path = route.path.replaceAll(/\{(\w+)\}/g, (_found, name: string) => values[name] ?? "")
      const method = route.method.toUpperCase()
      expect(await host.client().send(method, path)).toMatchObject({ status: 401, body: { code: "UNAUTHENTICATED" } })
      const belongsToEverybody = ["catalog.read", "health.read"].includes(route.permission)
      expect((await foreign.send(method, path)).status).toBe(belongsToEverybody ? 200 : 403)
    }
    const open = apiRoutes.filter(({ permission }) => permission === "public").map(({ path }) => path)
    expect(open.toSorted()).toEqual(["/livez", "/openapi.json", "/readyz"])
  })

  it("shows a token once, stores only its hash, and ends it at revocation", async () => {
    const client = await tenantClient(host, "acme", "workload")
    await client.expect(200, "POST", dataKeys, {})
    const shown = await host.administrator.expect(200, "GET", `/v1/tenants/acme/tokens/${client.tokenId}`)
    expect(shown).not.toHaveProperty("token")
    const list = await host.administrator.send("GET", "/v1/tenants/acme/tokens")
    expect(list.text).not.toContain(client.token)
    const revoke = () => host.administrator.send("DELETE", `/v1/tenants/acme/tokens/${client.tokenId}`)
    expect((await revoke()).status).toBe(204)
    expect((await revoke()).status).toBe(204)
    await client.expect(401, "POST", dataKeys, {})
    const after = await host.administrator.expect(200, "GET", `/v1/tenants/acme/tokens/${client.tokenId}`)
    expect(after.revoked_at).toEqual(expect.any(String))
    const unknown = await host.administrator.send(
      "DELETE",
      "/v1/tenants/acme/tokens/00000000-0000-7000-8000-000000000000",
    )
    expect(unknown).toMatchObject({ status: 404, body: { code: "TOKEN_NOT_FOUND" } })
    // A token of another tenant is as unknown as one that never existed.
    const foreign = await host.administrator.send("DELETE", `/v1/tenants/other/tokens/${client.tokenId}`)
    expect(foreign.status).toBe(404)
  })

  it("refuses an expiry in the past, too far away, or stated twice", async () => {
    const make = (body: unknown) => host.administrator.send("POST", "/v1/tenants/acme/tokens", { body })
    const soon = new Date(Date.now() + 60_000).toISOString()
    expect((await make({ role: "reader", expires_at: soon })).body.expires_at).toBe(soon)
    expect((await make({ role: "reader", expires_at: "2020-01-01T00:00:00Z" })).status).toBe(400)
    expect((await make({ role: "reader", expires_at: "2099-01-01T00:00:00Z" })).status).toBe(400)
    expect((await make({ role: "reader", expires_at: soon, expires_in_seconds: 60 })).status).toBe(400)
    expect((await make({ role: "root" })).status).toBe(400)
  })
})

describe("time", () => {
  it("ends a token at its expiry", async () => {
    let aheadMs = 0
    const clock = { ...systemClock, nowMs: () => systemClock.nowMs() + aheadMs }
    await using host = await startTestHost({ clock })
    await host.administrator.expect(201, "POST", "/v1/tenants", { tenant_id: "acme" })
    const document = { role: "reader", expires_in_seconds: 3600 }
    const made = await host.administrator.expect(201, "POST", "/v1/tenants/acme/tokens", document)
    const reader = host.client(text(made.token))
    aheadMs = 3_590_000
    await reader.expect(200, "GET", "/v1/tenants/acme")
    aheadMs = 3_600_000
    await reader.expect(401, "GET", "/v1/tenants/acme")
  })
})
