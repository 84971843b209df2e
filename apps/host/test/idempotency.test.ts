import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { localKeystore, tenantWithKeys } from "./fixtures.ts"
import { startTestHost, type TestHost } from "./test-host.ts"
import { objects } from "./values.ts"

describe("Idempotency-Key", () => {
  let host: TestHost
  beforeAll(async () => {
    host = await startTestHost()
    await tenantWithKeys(host, "acme")
  })
  afterAll(() => host[Symbol.asyncDispose]())

  const post = (path: string, key: string, body: unknown) =>
    host.administrator.send("POST", path, { body, headers: { "idempotency-key": key } })

  it("creates once for any number of parallel requests, and gives all the same answer", async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => post("/v1/tenants", "key-1", { tenant_id: "twenty" })),
    )
    for (const answer of answers) {
      expect(answer.status).toBe(201)
      expect(answer.body).toEqual(answers[0]?.body)
      expect(answer.headers.get("location")).toBe("/v1/tenants/twenty")
    }
    expect(answers.filter((answer) => answer.headers.get("idempotency-replayed") === "true")).toHaveLength(19)
  })

  it.each([
    ["keystores", localKeystore("by-key")],
    ["service-keys", { name: "by-key" }],
  ])("works for %s", async (resource, body) => {
    const first = await post(`/v1/tenants/acme/${resource}`, `key-${resource}`, body)
    const second = await post(`/v1/tenants/acme/${resource}`, `key-${resource}`, body)
    expect([first.status, second.status]).toEqual([201, 201])
    expect(second.body).toEqual(first.body)
    expect(second.headers.get("etag")).toBe(first.headers.get("etag"))
  })

  it("gives a repeated token request the same token without its secret", async () => {
    const first = await post("/v1/tenants/acme/tokens", "key-token", { role: "reader" })
    const second = await post("/v1/tenants/acme/tokens", "key-token", { role: "reader" })
    expect(first.body.token).toEqual(expect.any(String))
    expect(second.status).toBe(201)
    expect(second.body).not.toHaveProperty("token")
    expect(second.body.token_id).toBe(first.body.token_id)
    const { tokens } = await host.administrator.expect(200, "GET", "/v1/tenants/acme/tokens")
    expect(objects(tokens).filter((token) => token.token_id === first.body.token_id)).toHaveLength(1)
  })

  it("refuses the same key with another request", async () => {
    await post("/v1/tenants", "key-2", { tenant_id: "first" })
    const other = await post("/v1/tenants", "key-2", { tenant_id: "second" })
    expect(other).toMatchObject({ status: 422, body: { code: "IDEMPOTENCY_KEY_REUSED" } })
    await host.administrator.expect(404, "GET", "/v1/tenants/second")
  })

  it("allows another attempt with the same key after a failure", async () => {
    const body = { name: "payments" }
    const taken = await post("/v1/tenants/acme/service-keys", "key-3", body)
    expect(taken.status).toBe(409)
    const again = await post("/v1/tenants/acme/service-keys", "key-3", body)
    expect(again).toMatchObject({ status: 409, body: { code: "SERVICE_KEY_EXISTS" } })
  })

  it.each(["", "a b", "x".repeat(256)])("refuses the malformed key %j", async (key) => {
    const answer = await post("/v1/tenants", key, { tenant_id: "malformed" })
    expect(answer).toMatchObject({ status: 400, body: { code: "INVALID_REQUEST" } })
  })

  it("has no effect on data keys: each request makes another", async () => {
    const path = "/v1/tenants/acme/service-keys/payments/data-keys"
    const [first, second] = [await post(path, "key-4", {}), await post(path, "key-4", {})]
    expect(first.body.envelope).not.toBe(second.body.envelope)
  })
})
