import { createHash } from "node:crypto"
import { describe, expect, it } from "vitest"
import { openTestDatabase, testEngines } from "./support/engines.ts"
import { atMs, auditEntry, recordedIds, tenant, token } from "./support/samples.ts"

const engines = await testEngines()

describe.each(engines)("tenants on $name", (engine) => {
  it("are read exactly as they were added, by id and as a list in the order of ids", async () => {
    const database = await openTestDatabase(engine)
    const globex = tenant({
      tenantId: "globex",
      displayName: "Globex ü '; --",
      custodyMode: "hyok",
      leaseMs: 2000,
      epoch: 3,
    })
    const entry = auditEntry()
    await database.tenants.insertTenant(globex, [])
    await database.tenants.insertTenant(tenant(), [entry])
    expect(await database.tenants.tenant("globex")).toEqual(globex)
    expect(await database.tenants.tenants({ limit: 100 })).toEqual([tenant(), globex])
    expect(await database.tenants.tenant("unknown")).toBeUndefined()
    expect(await recordedIds(database, "acme")).toEqual([entry.entryId])
  })

  it("are created once, even of several at the same time: ALREADY_EXISTS", async () => {
    const database = await openTestDatabase(engine)
    const insert = (displayName: string) => database.tenants.insertTenant(tenant({ displayName }), [auditEntry()])
    const outcomes = await Promise.allSettled([insert("first"), insert("second")])
    expect(outcomes.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"])
    const [winner, loser] = outcomes[0].status === "fulfilled" ? ["first", outcomes[1]] : ["second", outcomes[0]]
    expect(loser).toMatchObject({
      reason: { code: "ALREADY_EXISTS", origin: "caller", message: 'There is already a tenant "acme".' },
    })
    expect(await database.tenants.tenant("acme")).toMatchObject({ displayName: winner })
    expect(await recordedIds(database, "acme")).toHaveLength(1)
  })
})

describe.each(engines)("tokens on $name", (engine) => {
  it("are found by the hash of the token, whatever their age", async () => {
    const database = await openTestDatabase(engine)
    await database.tenants.insertTenant(tenant(), [])
    const hash = createHash("sha256").update("the token").digest()
    const record = token({ hash: Uint8Array.from(hash), expiresAtMs: 1 })
    await database.tokens.insertToken(record, [auditEntry()])
    expect(await database.tokens.tokensByHash([hash, new Uint8Array(32)])).toEqual([record])
    expect(await database.tokens.tokensByHash([new Uint8Array(32)])).toEqual([])
    expect(await recordedIds(database, "acme")).toHaveLength(1)
  })

  it("are listed only for their own tenant", async () => {
    const database = await openTestDatabase(engine)
    await database.tenants.insertTenant(tenant(), [])
    await database.tenants.insertTenant(tenant({ tenantId: "globex" }), [])
    const first = token({ tokenId: "019a-1", role: "reader" })
    const second = token({ tokenId: "019a-2", role: "administrator" })
    await database.tokens.insertToken(second, [])
    await database.tokens.insertToken(first, [])
    await database.tokens.insertToken(token({ tenantId: "globex" }), [])
    expect((await database.tokens.tokens("acme", { limit: 100 })).map(({ tokenId }) => tokenId)).toEqual([
      "019a-1",
      "019a-2",
    ])
  })

  it("require a tenant, and an id and a hash that no other token has", async () => {
    const database = await openTestDatabase(engine)
    await expect(database.tokens.insertToken(token(), [])).rejects.toMatchObject({ code: "NOT_FOUND" })
    await database.tenants.insertTenant(tenant(), [])
    const record = token()
    await database.tokens.insertToken(record, [])
    for (const taken of [token({ hash: record.hash }), token({ tokenId: record.tokenId })]) {
      await expect(database.tokens.insertToken(taken, [])).rejects.toMatchObject({ code: "ALREADY_EXISTS" })
    }
  })

  it("are revoked once: the time of the first revocation stays, and one entry is recorded", async () => {
    const database = await openTestDatabase(engine)
    await database.tenants.insertTenant(tenant(), [])
    const record = token()
    await database.tokens.insertToken(record, [])
    await database.tokens.revokeToken("acme", record.tokenId, atMs + 1, [auditEntry()])
    await database.tokens.revokeToken("acme", record.tokenId, atMs + 2, [auditEntry()])
    expect(await database.tokens.tokensByHash([record.hash])).toEqual([{ ...record, revokedAtMs: atMs + 1 }])
    expect(await recordedIds(database, "acme")).toHaveLength(1)
  })

  it("cannot be revoked by another tenant: NOT_FOUND", async () => {
    const database = await openTestDatabase(engine)
    await database.tenants.insertTenant(tenant(), [])
    const record = token()
    await database.tokens.insertToken(record, [])
    await expect(database.tokens.revokeToken("globex", record.tokenId, atMs, [])).rejects.toMatchObject({
      code: "NOT_FOUND",
    })
    expect((await database.tokens.tokensByHash([record.hash]))[0]?.revokedAtMs).toBeUndefined()
  })
})
