import { randomUUID } from "node:crypto"
import type { ClaimRecord } from "@apeiro-cmk/keystore-manager"
import { describe, expect, it } from "vitest"
import type { Database } from "../src/index.ts"
import { testEngines } from "./support/engines.ts"
import { activation, atMs, auditEntry, keystore, recordedIds, tenant } from "./support/samples.ts"
import { withActiveKeystore } from "./support/stored-keystores.ts"

const engines = await testEngines()
const keyIdentity = "cluster/transit/l1"
const claimant = keystore({ tenantId: "globex", keystoreId: "own", credentials: [] })

async function onlyClaim(database: Database): Promise<ClaimRecord> {
  const [claim, ...others] = await database.claims.claims({ limit: 10 })
  if (claim === undefined || others.length > 0) throw new Error(`there are ${others.length} other claims`)
  return claim
}

describe.each(engines)("claims on $name", (engine) => {
  it("are listed in pages, each with the holder's keystore", async () => {
    const { database } = await withActiveKeystore(engine)
    expect(await onlyClaim(database)).toEqual({
      ...{ claimId: expect.any(String), pluginType: "openbao", keyIdentity, tenantId: "acme" },
      ...{ keystoreId: "openbao_production", claimedAtMs: activation().activatedAtMs },
    })
    for (const tenantId of ["one", "two", "three"]) {
      await database.tenants.insertTenant(tenant({ tenantId }), [])
      await database.keystores.insertKeystore(keystore({ tenantId, credentials: [] }), [], [])
      const claimed = activation({ tenantId, keyIdentity: `cluster/transit/${tenantId}` })
      await database.keystores.activateKeystore(claimed, [])
    }
    const seen: ClaimRecord[] = []
    for (let page = await database.claims.claims({ limit: 3 }); page.length > 0; ) {
      seen.push(...page)
      page = await database.claims.claims({ after: seen.at(-1)?.claimId ?? "", limit: 3 })
    }
    expect(seen.map(({ tenantId }) => tenantId).toSorted()).toEqual(["acme", "one", "three", "two"])
    expect(await database.claims.claim(seen[2]?.claimId ?? "")).toEqual(seen[2])
    expect(await database.claims.claim(randomUUID())).toBeUndefined()
  })

  it("pass to the claimant, and leave the former holder's keystore, key and wraps as they are", async () => {
    const { database, key } = await withActiveKeystore(engine)
    await database.keystores.insertKeystore(claimant, [], [])
    const held = await onlyClaim(database)
    const before = await database.keystores.keystore("acme", "openbao_production")
    const entries = ["acme", "globex"].map((tenantId) => auditEntry({ tenantId }))
    const passed = await database.claims.transferClaim({ claim: held, claimant, atMs: atMs + 5 }, entries)
    expect(passed).toEqual(await onlyClaim(database))
    expect(passed).toMatchObject({ tenantId: "globex", keystoreId: "own", keyIdentity, claimedAtMs: atMs + 5 })
    expect(passed.claimId).not.toBe(held.claimId)
    expect(await database.keystores.claimOwner("openbao", keyIdentity)).toBe("globex")
    expect(await database.keystores.keystore("acme", "openbao_production")).toEqual(before)
    expect(await database.keys.activeTenantKey("acme")).toEqual({ key: key.key, wraps: key.wraps })
    expect(await database.keystores.keystore("globex", "own")).toMatchObject({
      ...{ state: "inactive", keyIdentity, revision: 2 },
    })
    expect(await recordedIds(database, "globex")).toEqual([entries[1]?.entryId])

    const own = { tenantId: "globex", keystoreId: "own", revision: 2 }
    await database.keystores.activateKeystore(activation(own), [])
    expect(await onlyClaim(database)).toMatchObject({ claimId: passed.claimId, tenantId: "globex" })
  })

  it("pass once, and to a keystore that has not changed", async () => {
    const { database } = await withActiveKeystore(engine)
    await database.keystores.insertKeystore(claimant, [], [])
    const claim = await onlyClaim(database)
    const stale = database.claims.transferClaim({ claim, claimant: { ...claimant, revision: 9 }, atMs }, [auditEntry()])
    await expect(stale).rejects.toMatchObject({ code: "STALE_REVISION" })
    expect(await onlyClaim(database)).toEqual(claim)
    const both = await Promise.allSettled(
      [1, 2].map(() => database.claims.transferClaim({ claim, claimant, atMs }, [auditEntry({ tenantId: "globex" })])),
    )
    expect(both.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"])
    expect(both.find(({ status }) => status === "rejected")).toMatchObject({ reason: { code: "NOT_FOUND" } })
    expect(await recordedIds(database, "globex")).toHaveLength(1)
  })

  it("are contested until they pass, or until the holder answers", async () => {
    const { database } = await withActiveKeystore(engine)
    const { claimId } = await onlyClaim(database)
    const entry = auditEntry()
    await database.claims.markContested(claimId, atMs + 7, [entry])
    expect(await onlyClaim(database)).toMatchObject({ contestedAtMs: atMs + 7 })
    expect(await recordedIds(database, "acme")).toContain(entry.entryId)
    await database.claims.markContested(claimId, undefined, [])
    expect(await onlyClaim(database)).not.toHaveProperty("contestedAtMs")
    await database.keystores.insertKeystore(claimant, [], [])
    await database.claims.markContested(claimId, atMs + 8, [])
    const claim = await onlyClaim(database)
    expect(await database.claims.transferClaim({ claim, claimant, atMs }, [])).not.toHaveProperty("contestedAtMs")
    expect(await onlyClaim(database)).not.toHaveProperty("contestedAtMs")
  })

  it("end with the claimant's keystore, or once it is activated with another key", async () => {
    for (const end of ["removal", "another key"]) {
      const { database } = await withActiveKeystore(engine)
      await database.keystores.insertKeystore(claimant, [], [])
      await database.claims.transferClaim({ claim: await onlyClaim(database), claimant, atMs }, [])
      const { tenantId, keystoreId, createdAtMs } = claimant
      if (end === "removal") {
        await database.keystores.deleteKeystore({ tenantId, keystoreId, createdAtMs, revision: 2 }, [])
        expect(await database.claims.claims({ limit: 10 })).toEqual([])
      } else {
        const other = activation({ tenantId, keystoreId, revision: 2, keyIdentity: "cluster/transit/other" })
        await database.keystores.activateKeystore(other, [])
        expect(await onlyClaim(database)).toMatchObject({ tenantId, keyIdentity: "cluster/transit/other" })
      }
      expect(await database.keystores.claimOwner("openbao", keyIdentity)).toBeUndefined()
      expect(await database.keystores.keystore("acme", "openbao_production")).toMatchObject({ state: "active" })
    }
  })
})
