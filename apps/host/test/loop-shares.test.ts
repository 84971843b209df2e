import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { localKeystore, tenantClient, tenantWithKeys } from "./fixtures.ts"
import { startTestHost, type TestHost } from "./test-host.ts"

describe("a tenant that asks for more than its share of the host's time", () => {
  let host: TestHost
  beforeAll(async () => {
    host = await startTestHost()
    await tenantWithKeys(host, "acme")
    await tenantWithKeys(host, "other", "second")
  })
  afterAll(() => host[Symbol.asyncDispose]())

  /** Tests that take the host seconds, so that most of them wait. */
  const manyTests = (client: Awaited<ReturnType<typeof tenantClient>>) =>
    Promise.all(
      Array.from({ length: 50 }, () =>
        client.send("POST", "/v1/tenants/acme/keystores/test", { body: localKeystore("unsaved", "unsaved") }),
      ),
    )
  /** Makes data keys of the other tenant, one after another, until some work has ended. */
  const meanwhile = async (work: Promise<unknown>) => {
    const other = await tenantClient(host, "other", "workload")
    const statuses: number[] = []
    let isOver = false
    work.finally(() => (isOver = true)).catch(() => undefined)
    while (!isOver) {
      const path = "/v1/tenants/other/service-keys/payments/data-keys"
      statuses.push((await other.send("POST", path, { body: {} })).status)
    }
    return statuses
  }

  it("gets answers and refusals that say what to do, and another tenant no refusal", async () => {
    const asked = manyTests(await tenantClient(host, "acme", "administrator"))
    expect(new Set(await meanwhile(asked))).toEqual(new Set([200]))
    const answers = await asked
    expect(answers.some(({ status }) => status === 200)).toBe(true)
    for (const { status, body } of answers) {
      if (status !== 200) expect({ status, code: body.code }).toEqual({ status: 429, code: "TOO_MANY_REQUESTS" })
    }
  })
})
