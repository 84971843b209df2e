import { describe, expect, it } from "vitest"
import { openTestDatabase, testEngines } from "./support/engines.ts"
import { tenant } from "./support/samples.ts"

const engines = await testEngines()

describe.each(engines)("operations of a keystore's budget on $name", (engine) => {
  const open = async () => {
    const { tenants, operationCounts } = await openTestDatabase(engine)
    await tenants.insertTenant(tenant({ tenantId: "acme" }), [])
    const take = (wanted: number, hour = 100, keystoreId = "dsm") =>
      operationCounts.takeOperations({ tenantId: "acme", keystoreId, hour, wanted, limit: 10 })
    const takeForOtherWork = (wanted: number, hour = 100) =>
      operationCounts.takeOperations({
        tenantId: "acme",
        keystoreId: "dsm",
        hour,
        wanted,
        limit: 10,
        limitOfOtherWork: 5,
      })
    const taken = (hour = 100) => operationCounts.operationsTaken("acme", "dsm", hour)
    return { take, takeForOtherWork, taken }
  }

  it("are granted up to the limit, even to several callers at the same time", async () => {
    const { take, taken } = await open()
    expect(await taken()).toBe(0)
    const granted = await Promise.all([take(4), take(4), take(4), take(4)])
    expect(granted.map((each) => each.granted).toSorted((left, right) => right - left)).toEqual([4, 4, 2, 0])
    expect(await taken()).toBe(10)
  })

  it("leave renewals their share, however much other work several callers ask for", async () => {
    const { take, takeForOtherWork } = await open()
    const granted = await Promise.all([takeForOtherWork(3), takeForOtherWork(3), take(3), takeForOtherWork(3)])
    expect(granted.reduce((sum, each) => sum + each.granted, 0)).toBe(8)
    expect(await takeForOtherWork(1)).toEqual({ granted: 0, taken: 8 })
    expect(await take(5)).toEqual({ granted: 2, taken: 10 })
    expect(await takeForOtherWork(9, 101)).toEqual({ granted: 5, taken: 5 })
  })

  it("start over with each hour, and for each keystore", async () => {
    const { take, taken } = await open()
    await take(10)
    expect(await take(1)).toEqual({ granted: 0, taken: 10 })
    expect(await take(3, 100, "other")).toEqual({ granted: 3, taken: 3 })
    expect(await take(3, 101)).toEqual({ granted: 3, taken: 3 })
    // A host whose clock is behind takes from the current hour of the others.
    expect(await take(8, 100)).toEqual({ granted: 7, taken: 10 })
    expect(await taken(102)).toBe(0)
  })
})
