import { describe, expect, it } from "vitest"
import { testEngines } from "./support/engines.ts"
import { activation, auditEntry, keystore, recordedIds, sealed } from "./support/samples.ts"
import { withTenants } from "./support/stored-keystores.ts"

const engines = await testEngines()

describe.each(engines)("keystores on $name", (engine) => {
  it("are read exactly as they were added, with credentials and audit entries", async () => {
    const database = await withTenants(engine)
    const entry = auditEntry()
    await database.keystores.insertKeystore(keystore(), [sealed()], [entry])
    expect(await database.keystores.keystore("acme", "openbao_production")).toEqual(keystore())
    expect(await database.credentials.credential(sealed())).toEqual(sealed())
    expect(await recordedIds(database, "acme")).toEqual([entry.entryId])
  })

  it("belong to one tenant: another tenant finds neither them nor their credentials", async () => {
    const database = await withTenants(engine)
    await database.keystores.insertKeystore(keystore(), [sealed()], [])
    expect(await database.keystores.keystore("globex", "openbao_production")).toBeUndefined()
    expect(await database.keystores.keystores("globex", { limit: 100 })).toEqual([])
    expect(await database.credentials.credential({ ...sealed(), tenantId: "globex" })).toBeUndefined()
    await database.keystores.insertKeystore(keystore({ tenantId: "globex", credentials: [] }), [], [])
    const { configuration: _, credentials: __, ...summary } = keystore()
    expect(await database.keystores.keystores("acme", { limit: 100 })).toEqual([summary])
  })

  it("are listed by id, in byte order", async () => {
    const database = await withTenants(engine)
    for (const keystoreId of ["b", "C", "a"]) {
      await database.keystores.insertKeystore(keystore({ keystoreId, credentials: [] }), [], [])
    }
    expect((await database.keystores.keystores("acme", { limit: 100 })).map(({ keystoreId }) => keystoreId)).toEqual([
      "C",
      "a",
      "b",
    ])
  })

  it("are added once, even of several at the same time: ALREADY_EXISTS, and nothing of the others is kept", async () => {
    const database = await withTenants(engine)
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
          message: 'The tenant already has a keystore "openbao_production".',
        })
      }
    }
    expect(await recordedIds(database, "acme")).toHaveLength(1)
  })

  it("require their tenant: NOT_FOUND", async () => {
    const database = await withTenants(engine)
    const insertion = database.keystores.insertKeystore(keystore({ tenantId: "unknown" }), [], [auditEntry()])
    await expect(insertion).rejects.toMatchObject({ code: "NOT_FOUND", message: 'There is no tenant "unknown".' })
    expect(await recordedIds(database, "acme")).toEqual([])
  })

  it("are changed at their revision, and keep no obsolete credential", async () => {
    const database = await withTenants(engine)
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

  it("refuse a change at an old revision: one of several simultaneous changes wins, and the others leave nothing", async () => {
    const database = await withTenants(engine)
    await database.keystores.insertKeystore(keystore(), [sealed()], [])
    const change = (name: string) =>
      database.keystores.updateKeystore(
        keystore({ configuration: { name }, revision: 2, credentials: [{ name: "secret_id", version: 2 }] }),
        [sealed({ version: 2 })],
        [auditEntry()],
      )
    const outcomes = await Promise.allSettled([change("a"), change("b"), change("c")])
    expect(outcomes.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected", "rejected"])
    const winner = ["a", "b", "c"][outcomes.findIndex(({ status }) => status === "fulfilled")]
    for (const outcome of outcomes.filter(({ status }) => status === "rejected")) {
      expect(outcome).toMatchObject({ reason: { code: "STALE_REVISION", origin: "caller", retryable: false } })
    }
    expect((await database.keystores.keystore("acme", "openbao_production"))?.configuration).toEqual({ name: winner })
    expect(await recordedIds(database, "acme")).toHaveLength(1)
  })

  it("are not affected by a change or removal meant for an earlier keystore of the same name and revision", async () => {
    const { keystores } = await withTenants(engine)
    const before = keystore()
    await keystores.insertKeystore(before, [], [])
    await keystores.deleteKeystore(before, [])
    await keystores.insertKeystore({ ...before, createdAtMs: before.createdAtMs + 1 }, [], [])
    await expect(keystores.updateKeystore({ ...before, revision: 2 }, [], [])).rejects.toMatchObject({
      code: "STALE_REVISION",
    })
    await expect(keystores.deleteKeystore(before, [])).rejects.toMatchObject({ code: "STALE_REVISION" })
    expect(await keystores.keystore("acme", "openbao_production")).toMatchObject({ revision: 1 })
  })

  it("cannot be changed if they do not exist: NOT_FOUND", async () => {
    const { keystores } = await withTenants(engine)
    await expect(keystores.updateKeystore(keystore({ revision: 2 }), [], [])).rejects.toMatchObject({
      code: "NOT_FOUND",
    })
    await expect(keystores.deleteKeystore(keystore({ keystoreId: "none", revision: 1 }), [])).rejects.toMatchObject({
      code: "NOT_FOUND",
    })
    await expect(keystores.activateKeystore(activation(), [])).rejects.toMatchObject({ code: "NOT_FOUND" })
  })

  it("are removed with their credentials, at their revision", async () => {
    const database = await withTenants(engine)
    await database.keystores.insertKeystore(keystore(), [sealed()], [])
    const removal = (revision: number) => database.keystores.deleteKeystore(keystore({ revision }), [auditEntry()])
    await expect(removal(2)).rejects.toMatchObject({ code: "STALE_REVISION" })
    expect(await database.credentials.credential(sealed())).toBeDefined()
    await removal(1)
    expect(await database.keystores.keystores("acme", { limit: 100 })).toEqual([])
    expect(await database.credentials.credential(sealed())).toBeUndefined()
    expect(await recordedIds(database, "acme")).toHaveLength(1)
  })
})
