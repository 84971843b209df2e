import type { Page } from "@apeiro-cmk/host-call"
import { describe, expect, it } from "vitest"
import type { Database } from "../src/index.ts"
import { openTestDatabase, type TestEngine, testEngines } from "./support/engines.ts"
import { activation, atMs, keystore, serviceKey, tenant, tenantKey, token } from "./support/samples.ts"

const engines = await testEngines()

const tenantIds = ["acme", "acme-2", "bravo", "globex", "zeta"]
const keyNames = ["a", "a-b", "ab", "b"]

/** Fills every list: five tenants, and for two of them keystores, tokens, service keys with versions, platform keystores. */
async function filled(engine: TestEngine): Promise<Database> {
  const database = await openTestDatabase(engine)
  for (const tenantId of tenantIds.toReversed()) await database.tenants.insertTenant(tenant({ tenantId }), [])
  for (const tenantId of ["globex", "acme"]) {
    for (const keystoreId of ["c", "a_b", "a", "b"]) {
      await database.keystores.insertKeystore(keystore({ tenantId, keystoreId, credentials: [] }), [], [])
    }
    for (let count = 0; count < 4; count++) await database.tokens.insertToken(token({ tenantId }), [])
    const made = tenantKey({ tenantId, keystoreId: "a" })
    const keyIdentity = `cluster/transit/${tenantId}`
    await database.keystores.activateKeystore(
      activation({ tenantId, keystoreId: "a", keyIdentity, tenantKey: made }),
      [],
    )
    for (const name of keyNames.toReversed()) {
      for (const version of [10, 2, 1]) {
        await database.keys.insertServiceKey(serviceKey(made.key.keyId, { tenantId, name, version }), [])
      }
    }
    for (const keystoreId of ["y", "x"]) {
      const requestedBy = { type: "administrator", id: "administrator" } as const
      const record = { tenantId, keystoreId, pluginType: "openbao", state: "pending", requestedBy } as const
      await database.platformKeystores.insertPlatformKeystore({ ...record, requestedAtMs: atMs, updatedAtMs: atMs }, [])
    }
  }
  return database
}

/** Reads a list in parts of each size, and requires each part to be full but the last. */
async function inParts<Entry, Position>(
  read: (page: Page<Position>) => Promise<readonly Entry[]>,
  positionOf: (entry: Entry) => Position,
): Promise<readonly Entry[]> {
  const whole = await read({ limit: 500 })
  for (const limit of [1, 2, 3, whole.length]) {
    const found: Entry[] = []
    for (;;) {
      const last = found.at(-1)
      const part = await read({ limit, ...(last === undefined ? {} : { after: positionOf(last) }) })
      expect(part.length).toBe(Math.min(limit, whole.length - found.length))
      if (part.length === 0) break
      found.push(...part)
    }
    expect(found).toEqual(whole)
  }
  return whole
}

describe.each(engines)("lists on $name", (engine) => {
  it("are the same in parts of any size as in one, in their order", async () => {
    const { tenants, keystores, tokens, keys, platformKeystores } = await filled(engine)
    const found = {
      tenants: await inParts(
        (page: Page<string>) => tenants.tenants(page),
        (each) => each.tenantId,
      ),
      keystores: await inParts(
        (page: Page<string>) => keystores.keystores("acme", page),
        (each) => each.keystoreId,
      ),
      tokens: await inParts(
        (page: Page<string>) => tokens.tokens("acme", page),
        (each) => each.tokenId,
      ),
      serviceKeys: await inParts(
        (page: Page<readonly [string, number]>) => keys.serviceKeyPage("acme", page),
        ({ name, version }) => [name, version] as const,
      ),
      platformKeystores: await inParts(
        (page: Page<readonly [string, string]>) => platformKeystores.platformKeystores(page),
        ({ tenantId, keystoreId }) => [tenantId, keystoreId] as const,
      ),
    }
    expect(found.tenants.map(({ tenantId }) => tenantId)).toEqual(tenantIds)
    expect(found.keystores.map(({ keystoreId }) => keystoreId)).toEqual(["a", "a_b", "b", "c"])
    expect(found.tokens).toHaveLength(4)
    expect(found.serviceKeys.map(({ name, version }) => `${name}/${version}`)).toEqual(
      keyNames.flatMap((name) => [1, 2, 10].map((version) => `${name}/${version}`)),
    )
    expect(found.platformKeystores.map(({ tenantId, keystoreId }) => `${tenantId}/${keystoreId}`)).toEqual([
      ...["acme/x", "acme/y", "globex/x", "globex/y"],
    ])
  })

  it("never have another tenant's entries, whatever place they begin at", async () => {
    const { keystores, tokens, keys } = await filled(engine)
    for (const after of ["", "a", "\u{10ffff}", "acme", "' or 1=1 --"]) {
      const page = { after, limit: 500 }
      for (const entry of [...(await keystores.keystores("acme", page)), ...(await tokens.tokens("acme", page))]) {
        expect(entry.tenantId).toBe("acme")
      }
      const position = [after, Number.MIN_SAFE_INTEGER] as const
      for (const entry of await keys.serviceKeyPage("globex", { after: position, limit: 500 })) {
        expect(entry.tenantId).toBe("globex")
      }
    }
  })

  it("find one token of a tenant, and none of another", async () => {
    const { tokens } = await filled(engine)
    const [wanted] = await tokens.tokens("acme", { limit: 1 })
    if (wanted === undefined) throw new Error("there is no token")
    expect(await tokens.token("acme", wanted.tokenId)).toEqual(wanted)
    expect(await tokens.token("globex", wanted.tokenId)).toBeUndefined()
  })
})
