import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { localKeystore, tenantClient, tenantWithKeys } from "./fixtures.ts"
import { partsOf } from "./list-parts.ts"
import { startTestHost, type TestHost } from "./test-host.ts"
import { objects } from "./values.ts"

describe("the lists of the API", () => {
  let host: TestHost
  beforeAll(async () => {
    const quotas = { keystores: 5, serviceKeys: 5, tokens: 5, configurationBytes: 4000, idempotencyKeys: 3 }
    host = await startTestHost({}, { quotas })
    for (const [tenant, key] of [
      ["acme", "default"],
      ["other", "second"],
    ] as const) {
      await tenantWithKeys(host, tenant, key)
      for (let count = 1; count < 5; count++) {
        const path = `/v1/tenants/${tenant}`
        await host.administrator.expect(201, "POST", `${path}/keystores`, localKeystore(`k${count}`))
        await host.administrator.expect(201, "POST", `${path}/service-keys`, { name: `s${count}` })
        await host.administrator.expect(201, "POST", `${path}/tokens`, { role: "reader" })
      }
    }
  })
  afterAll(() => host[Symbol.asyncDispose]())

  it.each([
    ["/v1/tenants", "tenants", 2],
    ["/v1/tenants/acme/keystores", "keystores", 5],
    ["/v1/tenants/acme/service-keys", "service_keys", 5],
    ["/v1/tenants/acme/tokens", "tokens", 4],
    ["/v1/plugins", "plugins", 2],
    ["/v1/platform/keystores", "keystores", 0],
  ])("show %s in parts of any size, each entry once", async (path, member, length) => {
    const [whole = []] = await partsOf(host.administrator, path, member)
    expect(whole).toHaveLength(length)
    for (const limit of [1, 2, 5]) {
      const parts = await partsOf(host.administrator, `${path}?limit=${limit}`, member)
      expect(parts.flat()).toEqual(whole)
      expect(parts).toHaveLength(Math.max(1, Math.ceil(length / limit)))
    }
  })

  it("show an audit log by cursor as by index", async () => {
    const path = "/v1/tenants/acme/audit/entries"
    const parts = await partsOf(host.administrator, `${path}?limit=7&from=3`, "entries")
    const indexes = parts.flat().map(({ index }) => index)
    expect(indexes).toEqual(indexes.map((_, offset) => offset + 3))
    expect(indexes.length).toBeGreaterThan(7)
  })

  it("leave configurations to the resource of the single keystore", async () => {
    const { keystores } = await host.administrator.expect(200, "GET", "/v1/tenants/acme/keystores")
    for (const keystore of objects(keystores)) expect(Object.keys(keystore)).not.toContain("configuration")
    const one = await host.administrator.expect(200, "GET", "/v1/tenants/acme/keystores/k1")
    expect(one.configuration).toEqual({ key_name: "default" })
  })

  it.each(["x", "!", "bnVsbA", "WzEsMl0", "eyJhIjoxfQ", "", "ImEi=", "a".repeat(1024)])(
    "refuse the cursor %j",
    async (cursor) => {
      for (const path of ["/v1/tenants", "/v1/tenants/acme/service-keys", "/v1/tenants/acme/audit/entries"]) {
        const answer = await host.administrator.send("GET", `${path}?cursor=${encodeURIComponent(cursor)}`)
        expect(answer).toMatchObject({ status: 400, body: { code: "INVALID_REQUEST" } })
        expect(objects(answer.body.issues)[0]?.path).toEqual(["cursor"])
      }
    },
  )

  it.each(["0", "501", "-1", "1.5", "many"])("refuse the limit %s", async (limit) => {
    const answer = await host.administrator.send("GET", `/v1/tenants?limit=${limit}`)
    expect(answer).toMatchObject({ status: 400, body: { code: "INVALID_REQUEST" } })
  })

  it("show nothing of another tenant, whoever's cursor is used", async () => {
    const [first] = await Promise.all([host.administrator.send("GET", "/v1/tenants/other/tokens?limit=1")])
    const query = /<(\?[^>]*)>/.exec(first.headers.get("link") ?? "")?.[1] ?? ""
    const [own = []] = await partsOf(host.administrator, "/v1/tenants/acme/tokens", "tokens")
    const foreign = await partsOf(host.administrator, `/v1/tenants/acme/tokens${query}`, "tokens")
    for (const token of foreign.flat()) expect(own).toContainEqual(token)
  })

  it("end at the quotas: 409 that names the quota", async () => {
    const full = [
      ["keystores", localKeystore("more"), "keystores"],
      ["service-keys", { name: "more" }, "service keys"],
    ] as const
    for (const [resource, body, name] of full) {
      const answer = await host.administrator.send("POST", `/v1/tenants/acme/${resource}`, { body })
      expect(answer).toMatchObject({
        status: 409,
        body: { code: "QUOTA_EXCEEDED", origin: "caller", retryable: false },
      })
      expect(answer.body.title).toBe(`The tenant may have 5 ${name}, and would have 6.`)
    }
    const tokens = "/v1/tenants/other/tokens"
    const last = await host.administrator.expect(201, "POST", tokens, { role: "reader" })
    const refused = await host.administrator.send("POST", tokens, { body: { role: "reader" } })
    expect(refused).toMatchObject({ status: 409, body: { code: "QUOTA_EXCEEDED" } })
    await host.administrator.expect(204, "DELETE", `${tokens}/${String(last.token_id)}`)
    await host.administrator.expect(201, "POST", tokens, { role: "reader" })
  })

  it("bound a tenant's idempotency keys: 429, while a repetition is answered", async () => {
    const administrator = await tenantClient(host, "acme", "administrator")
    const create = (key: string) =>
      administrator.send("POST", "/v1/tenants/acme/keystores", {
        body: localKeystore("again"),
        headers: { "idempotency-key": key },
      })
    await host.administrator.expect(200, "GET", "/v1/tenants/acme/keystores/k1")
    const { headers } = await host.administrator.send("GET", "/v1/tenants/acme/keystores/k1")
    const ifMatch = { "if-match": headers.get("etag") ?? "" }
    await host.administrator.send("DELETE", "/v1/tenants/acme/keystores/k1", { headers: ifMatch })
    for (const key of ["a", "b", "c"]) {
      const made = await create(key)
      expect(made.status).toBe(201)
      const tag = { "if-match": made.headers.get("etag") ?? "" }
      await administrator.send("DELETE", "/v1/tenants/acme/keystores/again", { headers: tag })
    }
    expect(await create("d")).toMatchObject({ status: 429, body: { code: "IDEMPOTENCY_KEYS_EXHAUSTED" } })
    expect((await create("a")).headers.get("idempotency-replayed")).toBe("true")
  })
})
