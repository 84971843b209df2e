import { describe, expect, it } from "vitest"
import { openTestDatabase, testEngines } from "./support/engines.ts"
import { auditEntry, recordedIds, serviceKey, tenant } from "./support/samples.ts"
import { withActiveKeystore } from "./support/stored-keystores.ts"

const engines = await testEngines()

describe.each(engines)("keys on $name", (engine) => {
  it("return the custody of a tenant, and undefined for one that does not exist", async () => {
    const database = await openTestDatabase(engine)
    await database.tenants.insertTenant(tenant({ epoch: 4, leaseMs: 2000 }), [])
    expect(await database.keys.custody("acme")).toEqual({ epoch: 4, leaseMs: 2000 })
    expect(await database.keys.custody("globex")).toBeUndefined()
  })

  it("find a tenant key by tenant, id and version", async () => {
    const { database, key } = await withActiveKeystore(engine)
    const stored = { key: key.key, wraps: key.wraps }
    expect(await database.keys.tenantKey("acme", key.key.keyId, 1)).toEqual(stored)
    expect(await database.keys.tenantKeys("acme")).toEqual([stored])
    expect(await database.keys.tenantKey("acme", key.key.keyId, 2)).toBeUndefined()
    expect(await database.keys.tenantKey("globex", key.key.keyId, 1)).toBeUndefined()
    expect(await database.keys.activeTenantKey("globex")).toBeUndefined()
  })

  it("find a service key by name, and by id and version, with its audit entries", async () => {
    const { database, key } = await withActiveKeystore(engine)
    const record = serviceKey(key.key.keyId)
    const entry = auditEntry()
    await database.keys.insertServiceKey(record, [entry])
    expect(await database.keys.serviceKeyByName("acme", "orders")).toEqual(record)
    expect(await database.keys.serviceKey("acme", record.serviceKeyId, 1)).toEqual(record)
    expect(await database.keys.serviceKeyByName("globex", "orders")).toBeUndefined()
    expect(await database.keys.serviceKey("acme", record.serviceKeyId, 2)).toBeUndefined()
    expect(await recordedIds(database, "acme")).toContain(entry.entryId)
  })

  it("return the newest version of a service key by its name, and list all by name and version", async () => {
    const { database, key } = await withActiveKeystore(engine)
    const first = serviceKey(key.key.keyId)
    const second = { ...first, version: 2 }
    const billing = serviceKey(key.key.keyId, { name: "billing" })
    for (const record of [second, first, billing]) await database.keys.insertServiceKey(record, [])
    expect(await database.keys.serviceKeyByName("acme", "orders")).toEqual(second)
    expect(await database.keys.serviceKeys("acme")).toEqual([billing, first, second])
  })

  it("store one service key of a name, even of several at the same time", async () => {
    const { database, key } = await withActiveKeystore(engine)
    const before = await recordedIds(database, "acme")
    const insert = () => database.keys.insertServiceKey(serviceKey(key.key.keyId), [auditEntry()])
    const outcomes = await Promise.allSettled([insert(), insert(), insert()])
    expect(outcomes.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected", "rejected"])
    expect(outcomes.find(({ status }) => status === "rejected")).toMatchObject({
      reason: { code: "ALREADY_EXISTS", message: expect.stringContaining("orders") },
    })
    expect(await recordedIds(database, "acme")).toHaveLength(before.length + 1)
  })

  it("refuse a service key whose parent is missing or belongs to another tenant", async () => {
    const { database, key } = await withActiveKeystore(engine)
    for (const record of [serviceKey("none"), serviceKey(key.key.keyId, { tenantId: "globex" })]) {
      await expect(database.keys.insertServiceKey(record, [])).rejects.toMatchObject({ code: "NOT_FOUND" })
    }
  })
})
