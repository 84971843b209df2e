import type { KeystoreRecord, PlatformKeystoreRecord } from "@apeiro-cmk/keystore-manager"
import { describe, expect, it } from "vitest"
import { testEngines } from "./support/engines.ts"
import { activation, atMs, keystore, tenant, tenantKey } from "./support/samples.ts"
import { withActiveKeystore, withTenants } from "./support/stored-keystores.ts"

const engines = await testEngines()

const failed: PlatformKeystoreRecord = {
  tenantId: "acme",
  keystoreId: "platform",
  pluginType: "openbao",
  state: "failed",
  failure: {
    code: "CREDENTIAL_REJECTED",
    origin: "backend",
    message: "OpenBao refuses the token.",
    nextStep: "Renew the token of the platform.",
  },
  requestedBy: { type: "administrator", id: "administrator" },
  requestedAtMs: atMs,
  updatedAtMs: atMs + 1,
}

describe.each(engines)("platform keystores on $name", (engine) => {
  it("read the origin of a failure as backend where an earlier version stored keystore", async () => {
    const { open, sql } = await engine.createDatabase()
    const database = await open()
    await database.tenants.insertTenant(tenant(), [])
    await database.platformKeystores.insertPlatformKeystore(failed, [])
    await database.close()

    await sql(`update platform_keystores set failure = replace(failure, '"backend"', '"keystore"')`)
    expect(await sql("select failure from platform_keystores")).toEqual([
      { failure: expect.stringContaining('"origin":"keystore"') },
    ])

    const { platformKeystores } = await open()
    expect(await platformKeystores.platformKeystores({ limit: 100 })).toEqual([failed])
  })

  it("refuse a stored failure with an unknown origin: DATABASE_CORRUPT", async () => {
    const { open, sql } = await engine.createDatabase()
    const database = await open()
    await database.tenants.insertTenant(tenant(), [])
    await database.platformKeystores.insertPlatformKeystore(failed, [])
    await database.close()

    await sql(`update platform_keystores set failure = replace(failure, '"backend"', '"moon"')`)

    const { platformKeystores } = await open()
    await expect(platformKeystores.platformKeystores({ limit: 100 })).rejects.toMatchObject({
      code: "DATABASE_CORRUPT",
      message: expect.stringContaining("platform_keystores.failure"),
    })
  })

  describe("whose removal begins", () => {
    const ready: PlatformKeystoreRecord = {
      ...{ tenantId: "acme", keystoreId: "platform", pluginType: "openbao", state: "ready" },
      ...{ requestedBy: failed.requestedBy, requestedAtMs: atMs, updatedAtMs: atMs },
    }
    const removing = { state: "removing", updatedAtMs: atMs + 2 } as const
    const removal = { pluginType: "openbao", identityPrefix: "cluster/transit/" }

    it.each(["acme", "globex"])("hold their key against a claim of %s until they are gone", async (tenantId) => {
      const { keystores, platformKeystores } = await withTenants(engine)
      await platformKeystores.insertPlatformKeystore(ready, [])
      const begin = () => platformKeystores.beginPlatformKeystoreRemoval(ready, "ready", removal, removing, [])
      expect([await begin(), await begin()]).toEqual([true, false])
      expect(await platformKeystores.beginPlatformKeystoreRemoval(ready, "removing", removal, removing, [])).toBe(true)
      await keystores.insertKeystore(keystore({ tenantId, credentials: [] }), [], [])
      const activate = () =>
        keystores.activateKeystore(activation({ tenantId, tenantKey: tenantKey({ tenantId }) }), [])
      await expect(activate()).rejects.toMatchObject({ code: "L1_CLAIMED" })
      expect(await keystores.claimOwner("openbao", "cluster/transit/l1")).toBeUndefined()
      expect(await platformKeystores.deletePlatformKeystore(ready, removal, [])).toBe(true)
      await activate()
      expect(await keystores.claimOwner("openbao", "cluster/transit/l1")).toBe(tenantId)
    })

    it("stay as they are while a key below the prefix is claimed, or has wrapped, and not for a neighbour's key", async () => {
      const { database } = await withActiveKeystore(engine)
      await database.platformKeystores.insertPlatformKeystore({ ...ready, tenantId: "globex" }, [])
      const target = { ...ready, tenantId: "globex" }
      const begin = (identityPrefix: string, pluginType = "openbao") =>
        database.platformKeystores.beginPlatformKeystoreRemoval(
          ...([target, "ready", { pluginType, identityPrefix }, removing, []] as const),
        )
      for (const prefix of ["cluster/transit/", "cluster/", "cluster/transit/l1"]) {
        await expect(begin(prefix)).rejects.toMatchObject({ code: "STILL_IN_USE" })
      }
      // No claim of this type, but a wrap.
      await expect(begin("cluster/transit/", "other")).rejects.toMatchObject({ code: "STILL_IN_USE" })
      expect(await database.platformKeystores.platformKeystore(target)).toMatchObject({ state: "ready" })
      expect(await begin("cluster/transit_/")).toBe(true)
    })

    it("lose or win against an activation at the same time, never both", async () => {
      const { keystores, platformKeystores } = await withTenants(engine)
      await platformKeystores.insertPlatformKeystore(ready, [])
      await keystores.insertKeystore(keystore({ credentials: [] }), [], [])
      const outcomes = await Promise.allSettled([
        keystores.activateKeystore(activation({ tenantKey: tenantKey() }), []),
        platformKeystores.beginPlatformKeystoreRemoval(ready, "ready", removal, removing, []),
      ])
      expect(outcomes.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"])
    })
  })

  it("lists the keystores of one type by tenant and id, in pages", async () => {
    const { keystores } = await withTenants(engine)
    const names = [
      ["globex", "a"],
      ["acme", "b"],
      ["acme", "a-1"],
      ["acme", "a"],
    ] as const
    for (const [tenantId, keystoreId] of names) {
      await keystores.insertKeystore(keystore({ tenantId, keystoreId, credentials: [] }), [], [])
    }
    const other = keystore({ keystoreId: "other", pluginType: "aws_kms", credentials: [] })
    await keystores.insertKeystore(other, [], [])
    const seen: string[] = []
    for (let after: KeystoreRecord | undefined; ; ) {
      const page = await keystores.keystoresOfType("openbao", after, 3)
      seen.push(...page.map(({ tenantId, keystoreId }) => `${tenantId}/${keystoreId}`))
      after = page.at(-1)
      if (page.length < 3) break
    }
    expect(seen.toSorted()).toEqual(["acme/a", "acme/a-1", "acme/b", "globex/a"])
  })
})
