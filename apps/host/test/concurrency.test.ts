import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { localKeystore, tenantWithKeys } from "./fixtures.ts"
import { startTestHost, type TestHost } from "./test-host.ts"
import { objects, text } from "./values.ts"

describe("parallel requests", () => {
  let host: TestHost
  beforeAll(async () => {
    host = await startTestHost({}, { keyNames: ["default", "second", "third"] })
  })
  afterAll(() => host[Symbol.asyncDispose]())

  it("let one of many tenants claim an L1 key", async () => {
    const tenants = Array.from({ length: 6 }, (_none, number) => `racer-${number}`)
    for (const tenant of tenants) {
      await host.administrator.expect(201, "POST", "/v1/tenants", { tenant_id: tenant })
      await host.administrator.expect(201, "POST", `/v1/tenants/${tenant}/keystores`, localKeystore())
    }
    const answers = await Promise.all(
      tenants.map((tenant) => host.administrator.send("POST", `/v1/tenants/${tenant}/keystores/local/activate`)),
    )
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 409, 409, 409, 409, 409])
    for (const answer of answers) {
      if (answer.status === 409) expect(answer.body.code).toBe("L1_ALREADY_CLAIMED")
    }
  })

  it("activate one keystore once, with one tenant key for all", async () => {
    await host.administrator.expect(201, "POST", "/v1/tenants", { tenant_id: "once" })
    await host.administrator.expect(201, "POST", "/v1/tenants/once/keystores", localKeystore("local", "second"))
    const activate = () => host.administrator.send("POST", "/v1/tenants/once/keystores/local/activate")
    const answers = await Promise.all(Array.from({ length: 8 }, activate))
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 8 }, () => 200))
    const verified = await host.administrator.expect(200, "GET", "/v1/tenants/once/verify")
    expect(objects(verified.tenant_keys)).toHaveLength(1)
  })

  it("make each service key once, and do not mix answers", async () => {
    const path = await tenantWithKeys(host, "many", "third")
    const make = () => host.administrator.send("POST", "/v1/tenants/many/service-keys", { body: { name: "contended" } })
    const statuses = (await Promise.all(Array.from({ length: 10 }, make))).map(({ status }) => status)
    expect(statuses.toSorted()).toEqual([201, ...Array.from({ length: 9 }, () => 409)])

    const generated = await Promise.all(
      Array.from({ length: 50 }, () => host.administrator.expect(200, "POST", path, {})),
    )
    expect(new Set(generated.map((each) => text(each.plaintext))).size).toBe(50)
    await Promise.all(
      generated.map(async ({ envelope, plaintext }) => {
        const opened = await host.administrator.expect(200, "POST", `${path}/unwrap`, { envelope })
        expect(opened.plaintext).toBe(plaintext)
      }),
    )
  })

  it("continue for others when a caller gives up", async () => {
    const path = "/v1/tenants/many/service-keys/payments/data-keys"
    const controller = new AbortController()
    const givenUp = Array.from({ length: 20 }, () =>
      host.administrator.send("POST", path, { body: {}, signal: controller.signal }).catch(() => undefined),
    )
    const others = Array.from({ length: 20 }, () => host.administrator.expect(200, "POST", path, {}))
    controller.abort()
    await Promise.all(others)
    await Promise.all(givenUp)
    await host.administrator.expect(200, "POST", path, {})
  })
})
