import { describe, expect, it } from "vitest"
import { testEngines } from "./support/engines.ts"
import { auditEntry, recordedIds, tenant } from "./support/samples.ts"

const engines = await testEngines()

describe.each(engines)("closing $name", (engine) => {
  it("finishes all accepted work", async () => {
    const { open } = await engine.createDatabase()
    const first = await open()
    const entries = Array.from({ length: 20 }, () => auditEntry())
    const writes = entries.map((entry, index) =>
      first.tenants.insertTenant(tenant({ tenantId: `t-${index}` }), [entry]),
    )
    await first.close()
    await expect(Promise.all(writes)).resolves.toHaveLength(20)
    const second = await open()
    expect(await second.tenants.tenants({ limit: 100 })).toHaveLength(20)
    expect(await recordedIds(second, "acme")).toEqual(entries.map(({ entryId }) => entryId))
  })

  it("refuses later calls, and can be called twice", async () => {
    const { open } = await engine.createDatabase()
    const database = await open()
    await Promise.all([database.close(), database.close()])
    await database.close()
    await expect(database.ping()).rejects.toMatchObject({ code: "DATABASE_UNAVAILABLE" })
    await expect(database.auditIntake.append([auditEntry()])).rejects.toMatchObject({ code: "DATABASE_UNAVAILABLE" })
  })
})

describe.each(engines)("numbers on $name", (engine) => {
  it("are stored exactly or not at all", async () => {
    const { open } = await engine.createDatabase()
    const database = await open()
    await database.tenants.insertTenant(tenant({ epoch: Number.MAX_SAFE_INTEGER }), [])
    expect((await database.tenants.tenant("acme"))?.epoch).toBe(Number.MAX_SAFE_INTEGER)
    for (const epoch of [2 ** 53, 0.5, Number.NaN]) {
      await expect(database.tenants.insertTenant(tenant({ tenantId: "other", epoch }), [])).rejects.toMatchObject({
        code: "DATABASE_FAULT",
      })
    }
    expect(await database.tenants.tenants({ limit: 100 })).toHaveLength(1)
  })
})
