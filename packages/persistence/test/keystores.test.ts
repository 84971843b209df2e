import { describe, expect, it } from "vitest"
import type { Database } from "../src/index.ts"
import {
  activation,
  auditEntry,
  keystore,
  recordedIds,
  sealed,
  serviceKey,
  tenant,
  tenantKey,
} from "./support/samples.ts"
import { openTemporaryDatabase } from "./support/temporary-database.ts"

/** A database with the tenants acme and globex. */
async function withTenants(): Promise<Database> {
  const database = await openTemporaryDatabase()
  await database.tenants.insertTenant(tenant(), [])
  await database.tenants.insertTenant(tenant({ tenantId: "globex" }), [])
  return database
}

/** The same, with the sample keystore, its credential, and its activation. */
async function withActiveKeystore() {
  const database = await withTenants()
  await database.keystores.insertKeystore(keystore(), [sealed()], [])
  const key = tenantKey()
  await database.keystores.activateKeystore(activation({ tenantKey: key }), [])
  return { database, key }
}

describe("keystores", () => {
  it("come back exactly as they were added, with credentials and audit entries", async () => {
    const database = await withTenants()
    const entry = auditEntry()
    await database.keystores.insertKeystore(keystore(), [sealed()], [entry])
    expect(await database.keystores.keystore("acme", "openbao_production")).toEqual(keystore())
    expect(await database.credentials.credential(sealed())).toEqual(sealed())
    expect(await recordedIds(database, "acme")).toEqual([entry.entryId])
  })

  it("belong to one tenant: another finds neither them nor their credentials", async () => {
    const database = await withTenants()
    await database.keystores.insertKeystore(keystore(), [sealed()], [])
    expect(await database.keystores.keystore("globex", "openbao_production")).toBeUndefined()
    expect(await database.keystores.keystores("globex")).toEqual([])
    expect(await database.credentials.credential({ ...sealed(), tenantId: "globex" })).toBeUndefined()
    await database.keystores.insertKeystore(keystore({ tenantId: "globex", credentials: [] }), [], [])
    expect(await database.keystores.keystores("acme")).toEqual([keystore()])
  })

  it("are listed by id", async () => {
    const database = await withTenants()
    for (const keystoreId of ["b", "c", "a"]) {
      await database.keystores.insertKeystore(keystore({ keystoreId, credentials: [] }), [], [])
    }
    expect((await database.keystores.keystores("acme")).map(({ keystoreId }) => keystoreId)).toEqual(["a", "b", "c"])
  })

  it("are added once: ALREADY_EXISTS, also of several at once, and nothing of the second is kept", async () => {
    const database = await withTenants()
    const entries = [auditEntry(), auditEntry(), auditEntry()]
    const outcomes = await Promise.allSettled(
      entries.map((entry) => database.keystores.insertKeystore(keystore(), [sealed()], [entry])),
    )
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1)
    for (const outcome of outcomes) {
      if (outcome.status === "rejected") {
        expect(outcome.reason).toMatchObject({
          code: "ALREADY_EXISTS",
          origin: "caller",
          message: 'The tenant has a keystore "openbao_production" already.',
        })
      }
    }
    expect(await recordedIds(database, "acme")).toHaveLength(1)
  })

  it("need their tenant: NOT_FOUND", async () => {
    const database = await withTenants()
    const insertion = database.keystores.insertKeystore(keystore({ tenantId: "unknown" }), [], [auditEntry()])
    await expect(insertion).rejects.toMatchObject({ code: "NOT_FOUND", message: 'There is no tenant "unknown".' })
    expect(await recordedIds(database, "acme")).toEqual([])
  })

  it("are changed under their revision, and keep no credential that is out of force", async () => {
    const database = await withTenants()
    const first = keystore({
      credentials: [
        { name: "secret_id", version: 1 },
        { name: "token", version: 1 },
      ],
    })
    await database.keystores.insertKeystore(first, [sealed(), sealed({ name: "token" })], [])
    const second = keystore({
      configuration: { vault_address: "https://other.example" },
      credentials: [
        { name: "secret_id", version: 2 },
        { name: "token", version: 1 },
      ],
      revision: 2,
      updatedAtMs: 99,
    })
    const entry = auditEntry()
    await database.keystores.updateKeystore(second, [sealed({ version: 2 })], [entry])
    expect(await database.keystores.keystore("acme", "openbao_production")).toEqual(second)
    expect(await database.credentials.credential(sealed())).toBeUndefined()
    expect(await database.credentials.credential(sealed({ version: 2 }))).toEqual(sealed({ version: 2 }))
    expect(await database.credentials.credential(sealed({ name: "token" }))).toEqual(sealed({ name: "token" }))
    expect(await recordedIds(database, "acme")).toEqual([entry.entryId])
  })

  it("refuse a change of an old revision: of several at once one wins, and the others leave nothing", async () => {
    const database = await withTenants()
    await database.keystores.insertKeystore(keystore(), [sealed()], [])
    const change = (name: string) =>
      database.keystores.updateKeystore(
        keystore({ configuration: { name }, revision: 2, credentials: [{ name: "secret_id", version: 2 }] }),
        [sealed({ version: 2 })],
        [auditEntry()],
      )
    const outcomes = await Promise.allSettled([change("a"), change("b"), change("c")])
    expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "rejected"])
    expect(outcomes[1]).toMatchObject({ reason: { code: "STALE_REVISION", origin: "caller", retryable: false } })
    expect((await database.keystores.keystore("acme", "openbao_production"))?.configuration).toEqual({ name: "a" })
    expect(await recordedIds(database, "acme")).toHaveLength(1)
  })

  it("cannot be changed where they are not: NOT_FOUND", async () => {
    const { keystores } = await withTenants()
    await expect(keystores.updateKeystore(keystore({ revision: 2 }), [], [])).rejects.toMatchObject({
      code: "NOT_FOUND",
    })
    await expect(keystores.deleteKeystore("acme", "none", 1, [])).rejects.toMatchObject({ code: "NOT_FOUND" })
    await expect(keystores.activateKeystore(activation(), [])).rejects.toMatchObject({ code: "NOT_FOUND" })
  })

  it("are removed with their credentials, under their revision", async () => {
    const database = await withTenants()
    await database.keystores.insertKeystore(keystore(), [sealed()], [])
    const removal = (revision: number) =>
      database.keystores.deleteKeystore("acme", "openbao_production", revision, [auditEntry()])
    await expect(removal(2)).rejects.toMatchObject({ code: "STALE_REVISION" })
    expect(await database.credentials.credential(sealed())).toBeDefined()
    await removal(1)
    expect(await database.keystores.keystores("acme")).toEqual([])
    expect(await database.credentials.credential(sealed())).toBeUndefined()
    expect(await recordedIds(database, "acme")).toHaveLength(1)
  })
})

describe("the activation of a keystore", () => {
  it("stores claim, state, tenant key, wraps and audit entries, and makes the revision grow", async () => {
    const database = await withTenants()
    await database.keystores.insertKeystore(keystore(), [sealed()], [])
    const key = tenantKey()
    const entry = auditEntry()
    await database.keystores.activateKeystore(activation({ tenantKey: key }), [entry])
    expect(await database.keystores.keystore("acme", "openbao_production")).toEqual(
      keystore({
        state: "active",
        keyIdentity: "cluster/transit/l1",
        revision: 2,
        updatedAtMs: activation().activatedAtMs,
      }),
    )
    expect(await database.keystores.claimOwner("openbao", "cluster/transit/l1")).toBe("acme")
    expect(await database.keystores.claimOwner("aws_kms", "cluster/transit/l1")).toBeUndefined()
    expect(await database.keys.activeTenantKey("acme")).toEqual({ key: key.key, wraps: key.wraps })
    expect(await recordedIds(database, "acme")).toEqual([key.audit[0]?.entryId, entry.entryId])
  })

  it("records an entry once that comes with the tenant key and with the activation", async () => {
    const database = await withTenants()
    await database.keystores.insertKeystore(keystore(), [], [])
    const key = tenantKey()
    await database.keystores.activateKeystore(activation({ tenantKey: key }), key.audit)
    expect(await recordedIds(database, "acme")).toHaveLength(1)
  })

  it("refuses an L1 key of another tenant without naming it, and leaves nothing behind", async () => {
    const { database } = await withActiveKeystore()
    await database.keystores.insertKeystore(keystore({ tenantId: "globex", credentials: [] }), [], [])
    const second = database.keystores.activateKeystore(
      activation({ tenantId: "globex", tenantKey: tenantKey({ tenantId: "globex" }) }),
      [auditEntry({ tenantId: "globex" })],
    )
    await expect(second).rejects.toMatchObject({ code: "L1_CLAIMED", origin: "caller", retryable: false })
    await expect(second).rejects.not.toMatchObject({ message: expect.stringContaining("acme") })
    expect(await database.keystores.keystore("globex", "openbao_production")).toMatchObject({ state: "inactive" })
    expect(await database.keys.tenantKeys("globex")).toEqual([])
    expect(await recordedIds(database, "globex")).toEqual([])
  })

  it("lets one of two tenants have an L1 key that both want at once", async () => {
    const database = await withTenants()
    const activate = async (tenantId: string) => {
      await database.keystores.insertKeystore(keystore({ tenantId, credentials: [] }), [], [])
      await database.keystores.activateKeystore(activation({ tenantId, tenantKey: tenantKey({ tenantId }) }), [])
    }
    const outcomes = await Promise.allSettled([activate("acme"), activate("globex")])
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1)
    const owner = await database.keystores.claimOwner("openbao", "cluster/transit/l1")
    const keyed = [...(await database.keys.tenantKeys("acme")), ...(await database.keys.tenantKeys("globex"))]
    expect(keyed.map(({ key }) => key.tenantId)).toEqual([owner])
  })

  it("refuses a second active keystore of the tenant", async () => {
    const { database } = await withActiveKeystore()
    await database.keystores.insertKeystore(keystore({ keystoreId: "second", credentials: [] }), [], [])
    const second = activation({ keystoreId: "second", keyIdentity: "cluster/transit/l2" })
    await expect(database.keystores.activateKeystore(second, [])).rejects.toMatchObject({
      code: "ANOTHER_KEYSTORE_ACTIVE",
      message: expect.stringContaining("openbao_production"),
    })
    expect(await database.keystores.claimOwner("openbao", "cluster/transit/l2")).toBeUndefined()
  })

  it("refuses a keystore that was changed since it was tested", async () => {
    const database = await withTenants()
    await database.keystores.insertKeystore(keystore(), [sealed()], [])
    await database.keystores.updateKeystore(keystore({ revision: 2 }), [], [])
    await expect(database.keystores.activateKeystore(activation({ revision: 1 }), [])).rejects.toMatchObject({
      code: "STALE_REVISION",
    })
    await expect(
      database.keystores.activateKeystore(activation({ revision: 2, pluginType: "aws_kms" }), []),
    ).rejects.toMatchObject({ code: "STALE_REVISION" })
    expect(await database.keystores.claimOwner("openbao", "cluster/transit/l1")).toBeUndefined()
  })

  it("creates one tenant key when the same keystore is activated twice at once", async () => {
    const database = await withTenants()
    await database.keystores.insertKeystore(keystore(), [sealed()], [])
    const activate = () => database.keystores.activateKeystore(activation({ tenantKey: tenantKey() }), [])
    const outcomes = await Promise.allSettled([activate(), activate()])
    expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected"])
    expect(await database.keys.tenantKeys("acme")).toHaveLength(1)
  })

  it("can be repeated for the active keystore, but not with another tenant key", async () => {
    const { database } = await withActiveKeystore()
    await database.keystores.activateKeystore(activation({ revision: 2 }), [])
    await expect(
      database.keystores.activateKeystore(activation({ revision: 3, tenantKey: tenantKey() }), []),
    ).rejects.toMatchObject({ code: "ALREADY_EXISTS" })
    expect(await database.keystores.keystore("acme", "openbao_production")).toMatchObject({ revision: 3 })
  })

  it("forbids the removal of a keystore that wraps a tenant key", async () => {
    const { database } = await withActiveKeystore()
    await expect(database.keystores.deleteKeystore("acme", "openbao_production", 2, [])).rejects.toMatchObject({
      code: "STILL_IN_USE",
      origin: "caller",
    })
    expect(await database.credentials.credential(sealed())).toBeDefined()
  })

  it("frees the L1 key when a keystore is removed that wraps nothing", async () => {
    const database = await withTenants()
    await database.keystores.insertKeystore(keystore(), [sealed()], [])
    await database.keystores.activateKeystore(activation(), [])
    await database.keystores.deleteKeystore("acme", "openbao_production", 2, [])
    expect(await database.keystores.claimOwner("openbao", "cluster/transit/l1")).toBeUndefined()
    await database.keystores.insertKeystore(keystore({ tenantId: "globex", credentials: [] }), [], [])
    await database.keystores.activateKeystore(activation({ tenantId: "globex" }), [])
    expect(await database.keystores.claimOwner("openbao", "cluster/transit/l1")).toBe("globex")
  })
})

describe("keys", () => {
  it("tell custody of a tenant, and nothing of one that does not exist", async () => {
    const database = await openTemporaryDatabase()
    await database.tenants.insertTenant(tenant({ epoch: 4, leaseMs: 2000 }), [])
    expect(await database.keys.custody("acme")).toEqual({ epoch: 4, leaseMs: 2000 })
    expect(await database.keys.custody("globex")).toBeUndefined()
  })

  it("find a tenant key by tenant, id and version together", async () => {
    const { database, key } = await withActiveKeystore()
    const stored = { key: key.key, wraps: key.wraps }
    expect(await database.keys.tenantKey("acme", key.key.keyId, 1)).toEqual(stored)
    expect(await database.keys.tenantKeys("acme")).toEqual([stored])
    expect(await database.keys.tenantKey("acme", key.key.keyId, 2)).toBeUndefined()
    expect(await database.keys.tenantKey("globex", key.key.keyId, 1)).toBeUndefined()
    expect(await database.keys.activeTenantKey("globex")).toBeUndefined()
  })

  it("find a service key by name, and by id and version, with its audit entries", async () => {
    const { database, key } = await withActiveKeystore()
    const record = serviceKey(key.key.keyId)
    const entry = auditEntry()
    await database.keys.insertServiceKey(record, [entry])
    expect(await database.keys.serviceKeyByName("acme", "orders")).toEqual(record)
    expect(await database.keys.serviceKey("acme", record.serviceKeyId, 1)).toEqual(record)
    expect(await database.keys.serviceKeyByName("globex", "orders")).toBeUndefined()
    expect(await database.keys.serviceKey("acme", record.serviceKeyId, 2)).toBeUndefined()
    expect(await recordedIds(database, "acme")).toContain(entry.entryId)
  })

  it("give the newest version of a service key by its name, and list all by name and version", async () => {
    const { database, key } = await withActiveKeystore()
    const first = serviceKey(key.key.keyId)
    const second = { ...first, version: 2 }
    const billing = serviceKey(key.key.keyId, { name: "billing" })
    for (const record of [second, first, billing]) await database.keys.insertServiceKey(record, [])
    expect(await database.keys.serviceKeyByName("acme", "orders")).toEqual(second)
    expect(await database.keys.serviceKeys("acme")).toEqual([billing, first, second])
  })

  it("make one service key of a name, also of several at once", async () => {
    const { database, key } = await withActiveKeystore()
    const before = await recordedIds(database, "acme")
    const insert = () => database.keys.insertServiceKey(serviceKey(key.key.keyId), [auditEntry()])
    const outcomes = await Promise.allSettled([insert(), insert(), insert()])
    expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "rejected"])
    expect(outcomes[2]).toMatchObject({
      reason: { code: "ALREADY_EXISTS", message: expect.stringContaining("orders") },
    })
    expect(await recordedIds(database, "acme")).toHaveLength(before.length + 1)
  })

  it("refuse a service key without its parent, or with another tenant's", async () => {
    const { database, key } = await withActiveKeystore()
    for (const record of [serviceKey("none"), serviceKey(key.key.keyId, { tenantId: "globex" })]) {
      await expect(database.keys.insertServiceKey(record, [])).rejects.toMatchObject({ code: "NOT_FOUND" })
    }
  })
})
