import { describe, expect, it } from "vitest"
import { setUp, toyDocument } from "./set-up.ts"

const limit = 400

async function withBudget() {
  const test = setUp()
  await test.manager.add("acme", toyDocument({ operations_per_hour: limit }), test.call())
  await test.manager.activate("acme", "primary", test.call())
  const context = { tenantId: "acme", keyId: "tenant-key", keyVersion: 1 }
  const encrypt = () =>
    test.manager.l1.encrypt({ keystoreId: "primary", plaintext: new Uint8Array(32), context }, test.call())
  const wrap = await encrypt()
  const decryptFor = (purpose: "lease" | "check") =>
    test.manager.l1.decrypt({ keystoreId: "primary", ...wrap, context, purpose }, test.call())
  const health = () => test.manager.health("acme", "primary")
  return { ...test, encrypt, renew: () => decryptFor("lease"), check: () => decryptFor("check"), health }
}

describe("the operations of an hour", () => {
  it("are counted, cause a warning before they are used up, and are then refused without asking the keystore", async () => {
    const { encrypt, renew, health, server, logger, clock } = await withBudget()
    const before = (await health()).usage
    expect(before).toMatchObject({ limit, untilMs: expect.any(Number) })
    const startedWith = before?.taken ?? 0
    for (let count = startedWith; count < 0.79 * limit; count += 1) await renew()
    expect(await health()).toMatchObject({ condition: "healthy" })
    while (((await health()).usage?.taken ?? 0) < limit) await renew()
    expect(await health()).toMatchObject({ condition: "warning", usage: { taken: limit } })
    expect(logger.text()).toContain("most of a keystore's operations of this hour are used")

    const calls = server.encryptedUnder.length
    const refused = { code: "THROTTLED", origin: "host", retryAfterMs: expect.any(Number) }
    await expect(renew()).rejects.toMatchObject(refused)
    await expect(encrypt()).rejects.toMatchObject(refused)
    expect(server.encryptedUnder.length).toBe(calls)
    // What this host refuses says nothing about the keystore.
    expect(await health()).toMatchObject({ last: { outcome: "success" } })

    await clock.advance(3_600_000)
    await encrypt()
    expect((await health()).usage?.taken).toBeLessThan(10)
  })

  it("are reserved for renewals by half: whatever can be asked for at will never takes that half", async () => {
    const { encrypt, check, renew, health, operationCounts, clock } = await withBudget()
    const refused = { code: "THROTTLED", origin: "host", message: expect.stringContaining("reserved for renewals") }
    const atWill = await Promise.allSettled(
      Array.from({ length: limit }, (_, index) => (index % 2 ? check() : encrypt())),
    )
    const failures = atWill.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason] : []))
    expect(failures.length).toBeGreaterThan(limit / 2)
    for (const failure of failures) expect(failure).toMatchObject(refused)
    expect((await health()).usage?.taken).toBeLessThanOrEqual(limit / 2)
    // Another host's other work takes nothing of it either.
    const hour = Math.floor(clock.nowMs() / 3_600_000)
    const others = { tenantId: "acme", keystoreId: "primary", hour, wanted: limit, limit, limitOfOtherWork: limit / 2 }
    expect(await operationCounts.takeOperations(others)).toMatchObject({ granted: 0 })
    for (let count = 0; count < limit / 2; count += 1) await renew()
    await expect(check()).rejects.toMatchObject(refused)
    await clock.advance(3_600_000)
    await check()
  })

  it("are one budget for several hosts", async () => {
    const { encrypt, operationCounts, clock } = await withBudget()
    const hour = Math.floor(clock.nowMs() / 3_600_000)
    // Another host has taken all that were left.
    await operationCounts.takeOperations({ tenantId: "acme", keystoreId: "primary", hour, wanted: limit, limit })
    const outcomes = await Promise.allSettled(Array.from({ length: 10 }, encrypt))
    expect(outcomes.filter(({ status }) => status === "rejected").length).toBeGreaterThanOrEqual(8)
  })

  it("must allow twice the renewals of the tenant's lease", async () => {
    const { manager, call } = setUp()
    await manager.add("acme", toyDocument({ operations_per_hour: 399 }), call())
    const activated = manager.activate("acme", "primary", call())
    await expect(activated).rejects.toMatchObject({
      code: "OPERATION_BUDGET_TOO_SMALL",
      message: expect.stringContaining("200 operations an hour"),
    })
  })

  it("have no limit where the configuration has none", async () => {
    const { manager, call } = setUp()
    await manager.add("acme", toyDocument(), call())
    await manager.activate("acme", "primary", call())
    expect((await manager.health("acme", "primary")).usage).toBeUndefined()
  })
})
