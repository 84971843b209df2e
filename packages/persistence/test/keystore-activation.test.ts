import { describe, expect, it } from "vitest"
import { testEngines } from "./support/engines.ts"
import { activation, auditEntry, keystore, recordedIds, sealed, tenantKey } from "./support/samples.ts"
import { withActiveKeystore, withTenants } from "./support/stored-keystores.ts"

const engines = await testEngines()

describe.each(engines)("the activation of a keystore on $name", (engine) => {
  it("stores claim, state, tenant key, wraps and audit entries, and increments the revision", async () => {
    const database = await withTenants(engine)
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

  it("records an entry once even if it comes with both the tenant key and the activation", async () => {
    const database = await withTenants(engine)
    await database.keystores.insertKeystore(keystore(), [], [])
    const key = tenantKey()
    await database.keystores.activateKeystore(activation({ tenantKey: key }), key.audit)
    expect(await recordedIds(database, "acme")).toHaveLength(1)
  })

  it("refuses an L1 key of another tenant without naming it, and leaves nothing behind", async () => {
    const { database } = await withActiveKeystore(engine)
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

  it("lets one of two tenants claim an L1 key that both want at the same time", async () => {
    const database = await withTenants(engine)
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
    const { database } = await withActiveKeystore(engine)
    await database.keystores.insertKeystore(keystore({ keystoreId: "second", credentials: [] }), [], [])
    const second = activation({ keystoreId: "second", keyIdentity: "cluster/transit/l2" })
    await expect(database.keystores.activateKeystore(second, [])).rejects.toMatchObject({
      code: "ANOTHER_KEYSTORE_ACTIVE",
      message: expect.stringContaining("openbao_production"),
    })
    expect(await database.keystores.claimOwner("openbao", "cluster/transit/l2")).toBeUndefined()
  })

  it("refuses a keystore that has changed since it was tested", async () => {
    const database = await withTenants(engine)
    await database.keystores.insertKeystore(keystore(), [sealed()], [])
    await database.keystores.updateKeystore(keystore({ revision: 2 }), [], [])
    await expect(database.keystores.activateKeystore(activation({ revision: 1 }), [])).rejects.toMatchObject({
      code: "STALE_REVISION",
    })
    // Removed and added again: the same revision, but another keystore.
    const readded = activation({ revision: 2, createdAtMs: keystore().createdAtMs - 1 })
    await expect(database.keystores.activateKeystore(readded, [])).rejects.toMatchObject({ code: "STALE_REVISION" })
    expect(await database.keystores.claimOwner("openbao", "cluster/transit/l1")).toBeUndefined()
  })

  it("creates one tenant key when the same keystore is activated twice at the same time", async () => {
    const database = await withTenants(engine)
    await database.keystores.insertKeystore(keystore(), [sealed()], [])
    const activate = () => database.keystores.activateKeystore(activation({ tenantKey: tenantKey() }), [])
    const outcomes = await Promise.allSettled([activate(), activate()])
    expect(outcomes.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"])
    expect(await database.keys.tenantKeys("acme")).toHaveLength(1)
  })

  it("can be repeated for the active keystore, but not with another tenant key", async () => {
    const { database } = await withActiveKeystore(engine)
    await database.keystores.activateKeystore(activation({ revision: 2 }), [])
    await expect(
      database.keystores.activateKeystore(activation({ revision: 3, tenantKey: tenantKey() }), []),
    ).rejects.toMatchObject({ code: "ALREADY_EXISTS" })
    expect(await database.keystores.keystore("acme", "openbao_production")).toMatchObject({ revision: 3 })
  })

  it("forbids the removal of a keystore that wraps a tenant key", async () => {
    const { database } = await withActiveKeystore(engine)
    await expect(database.keystores.deleteKeystore(keystore({ revision: 2 }), [])).rejects.toMatchObject({
      code: "STILL_IN_USE",
      origin: "caller",
    })
    expect(await database.credentials.credential(sealed())).toBeDefined()
  })

  it("frees the L1 key when a keystore that wraps nothing is removed", async () => {
    const database = await withTenants(engine)
    await database.keystores.insertKeystore(keystore(), [sealed()], [])
    await database.keystores.activateKeystore(activation(), [])
    await database.keystores.deleteKeystore(keystore({ revision: 2 }), [])
    expect(await database.keystores.claimOwner("openbao", "cluster/transit/l1")).toBeUndefined()
    await database.keystores.insertKeystore(keystore({ tenantId: "globex", credentials: [] }), [], [])
    await database.keystores.activateKeystore(activation({ tenantId: "globex" }), [])
    expect(await database.keystores.claimOwner("openbao", "cluster/transit/l1")).toBe("globex")
  })
})
