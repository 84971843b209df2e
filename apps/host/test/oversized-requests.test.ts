import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { tenantWithKeys } from "./fixtures.ts"
import { startTestHost, type TestHost } from "./test-host.ts"
import { objects } from "./values.ts"

function hundredsOf(keys: Readonly<Record<string, unknown>>) {
  return Object.fromEntries(Object.entries(keys).slice(0, 900))
}

describe("requests that are too large", () => {
  let host: TestHost
  let dataKeys: string
  beforeAll(async () => {
    host = await startTestHost()
    dataKeys = await tenantWithKeys(host, "acme")
  })
  afterAll(() => host[Symbol.asyncDispose]())

  const manyKeys = Object.fromEntries(Array.from({ length: 15_000 }, (_, index) => [`key_${index}`, 0]))
  const longText = "a".repeat(120_000)
  const longKey = { [`k${longText}`]: longText }
  const keystore = (configuration: object) => ({ plugin_type: "local_keystore", plugin_name: "p", configuration })

  it.each<[string, string, unknown, string, number]>([
    ["thousands of unknown keys", "/v1/tenants", { ...manyKeys, tenant_id: "x" }, "INVALID_REQUEST", 1],
    ["hundreds of unknown keys", "/v1/tenants", { ...hundredsOf(manyKeys), tenant_id: "x" }, "INVALID_REQUEST", 50],
    ["thousands of unknown fields", "/v1/tenants/acme/keystores", keystore(manyKeys), "INVALID_REQUEST", 1],
    [
      "hundreds of unknown fields",
      "/v1/tenants/acme/keystores/test",
      keystore(hundredsOf(manyKeys)),
      "CONFIGURATION_INVALID",
      50,
    ],
    ["a text for a name", "/v1/tenants", { tenant_id: longText }, "INVALID_REQUEST", 1],
    ["a text for a key", "/v1/tenants", longKey, "INVALID_REQUEST", 1],
    ["a text for a field", "/v1/tenants/acme/keystores", keystore(longKey), "INVALID_REQUEST", 1],
    [
      "a text for a name in a configuration",
      "/v1/tenants/acme/keystores",
      keystore({ key_name: longText }),
      "CONFIGURATION_INVALID",
      1,
    ],
    [
      "thousands of operations",
      "batch",
      { operations: Array.from({ length: 20_000 }, () => ({})) },
      "INVALID_REQUEST",
      1,
    ],
    [
      "a hundred bad operations",
      "batch",
      { operations: Array.from({ length: 100 }, () => ({ [longText.slice(0, 200)]: 1 })) },
      "INVALID_REQUEST",
      50,
    ],
  ])("refuses %s in a short answer that repeats no value", async (_, path, body, code, issues) => {
    const place = path.startsWith("/") ? path : `${dataKeys}/batch`
    const answer = await host.administrator.send("POST", place, { body })
    expect(answer).toMatchObject({ status: 400, body: { code } })
    expect(objects(answer.body.issues)).toHaveLength(issues)
    expect(JSON.stringify(answer.body).length).toBeLessThan(20_000)
    expect(String(answer.body.title).length).toBeLessThan(2_200)
    expect(JSON.stringify(answer.body)).not.toContain("a".repeat(100))
  })

  it("shortens a key that occurs twice", async () => {
    const answer = await host.administrator.send("POST", "/v1/tenants", {
      rawBody: `{"${longText}":1,"${longText}":2}`,
      headers: { "content-type": "application/json" },
    })
    expect(answer).toMatchObject({ status: 400, body: { issues: [{ message: "occurs twice in one object" }] } })
    expect(JSON.stringify(answer.body).length).toBeLessThan(1_000)
  })
})
