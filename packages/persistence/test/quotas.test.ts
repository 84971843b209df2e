import { describe, expect, it } from "vitest"
import type { Database, TenantQuotas } from "../src/index.ts"
import { type TestEngine, testEngines } from "./support/engines.ts"
import {
  activation,
  atMs,
  auditEntry,
  keystore,
  recordedIds,
  sealed,
  serviceKey,
  tenant,
  tenantKey,
  token,
} from "./support/samples.ts"

const engines = await testEngines()

const quotas: TenantQuotas = {
  keystores: 3,
  serviceKeys: 3,
  tokens: 3,
  configurationBytes: 10_000,
  idempotencyKeys: 3,
}

const exceeded = { code: "QUOTA_EXCEEDED", origin: "caller", retryable: false }

/** Opens one database twice, as two hosts do, where the engine allows it. */
async function hosts(engine: TestEngine, own: Partial<TenantQuotas> = {}): Promise<readonly [Database, Database]> {
  const { open } = await engine.createDatabase()
  const options = { quotas: { ...quotas, ...own }, clock: { nowMs: () => atMs } }
  const one = await open(options)
  const other = one.isShared ? await open(options) : one
  for (const tenantId of ["acme", "globex"]) await one.tenants.insertTenant(tenant({ tenantId }), [])
  return [one, other]
}

/** Makes ten at once, by both hosts in turn. @returns how many were made; every other one was refused by the quota */
async function makeTen(make: (host: number, name: string) => Promise<void>): Promise<number> {
  const made = await Promise.allSettled(Array.from({ length: 10 }, (_, count) => make(count % 2, `n${count}`)))
  for (const each of made) if (each.status === "rejected") expect(each.reason).toMatchObject(exceeded)
  return made.filter(({ status }) => status === "fulfilled").length
}

describe.each(engines)("quotas on $name", (engine) => {
  it("hold for keystores that several hosts add at once, and leave nothing of the refused ones", async () => {
    const both = await hosts(engine)
    const made = await makeTen((host, keystoreId) =>
      (both[host] ?? both[0]).keystores.insertKeystore(
        keystore({ keystoreId }),
        [sealed({ keystoreId })],
        [auditEntry()],
      ),
    )
    expect(made).toBe(3)
    expect(await both[0].keystores.keystores("acme", { limit: 100 })).toHaveLength(3)
    expect(await recordedIds(both[0], "acme")).toHaveLength(3)
  })

  it("hold for tokens and service keys in the same way", async () => {
    const both = await hosts(engine)
    expect(await makeTen((host) => (both[host] ?? both[0]).tokens.insertToken(token(), []))).toBe(3)
    await both[0].keystores.insertKeystore(keystore({ credentials: [] }), [], [])
    const made = tenantKey()
    await both[0].keystores.activateKeystore(activation({ tenantKey: made }), [])
    const insert = (host: number, name: string) =>
      (both[host] ?? both[0]).keys.insertServiceKey(serviceKey(made.key.keyId, { name }), [])
    expect(await makeTen(insert)).toBe(3)
  })

  it("are each tenant's own", async () => {
    const [database] = await hosts(engine)
    await makeTen(() => database.tokens.insertToken(token(), []))
    await expect(database.tokens.insertToken(token({ tenantId: "globex" }), [])).resolves.toBeUndefined()
  })

  it("bound the bytes of all configurations, also when one grows, and let one shrink in any case", async () => {
    const { open } = await engine.createDatabase()
    const generous = await open()
    await generous.tenants.insertTenant(tenant(), [])
    const long = (length: number) => ({ note: "x".repeat(length) })
    const first = keystore({ keystoreId: "first", configuration: long(20_000), credentials: [] })
    await generous.keystores.insertKeystore(first, [], [])
    await generous.close()

    const { keystores } = await open({ quotas })
    const second = keystore({ keystoreId: "second", configuration: long(10), credentials: [] })
    await expect(keystores.insertKeystore(second, [], [])).rejects.toMatchObject(exceeded)
    await expect(
      keystores.updateKeystore({ ...first, configuration: long(20_001), revision: 2 }, [], []),
    ).rejects.toMatchObject(exceeded)
    expect(await keystores.keystore("acme", "first")).toEqual(first)
    await keystores.updateKeystore({ ...first, configuration: long(5000), revision: 2 }, [], [])
    await keystores.insertKeystore(second, [], [])
    const secret = sealed({ keystoreId: "second", sealed: new Uint8Array(5000), version: 2 })
    const changed = { ...second, credentials: [{ name: "secret_id", version: 2 }], revision: 2 }
    await expect(keystores.updateKeystore(changed, [secret], [])).rejects.toMatchObject(exceeded)
  })

  it("count valid tokens alone, and keep as many ended ones, the newest", async () => {
    const [{ tokens }] = await hosts(engine)
    const idOf = (count: number) => `019abc00-0000-7000-8000-${String(count).padStart(12, "0")}`
    for (let count = 0; count < 8; count++) {
      const isExpired = count % 2 === 0
      await tokens.insertToken(token({ tokenId: idOf(count), expiresAtMs: isExpired ? atMs : atMs + 1 }), [])
      await tokens.revokeToken("acme", idOf(count), atMs, [])
    }
    for (let count = 8; count < 11; count++) await tokens.insertToken(token({ tokenId: idOf(count) }), [])
    const kept = (await tokens.tokens("acme", { limit: 100 })).map(({ tokenId }) => tokenId)
    expect(kept).toEqual([5, 6, 7, 8, 9, 10].map(idOf))
    await expect(tokens.insertToken(token({ tokenId: idOf(11) }), [])).rejects.toMatchObject(exceeded)
  })

  it("bound the idempotency keys of a tenant, but not the repetition of a known one, and not the administrator", async () => {
    const [{ idempotency }] = await hosts(engine)
    const request = (key: string) => ({ subject: "token-1", tenantId: "acme", key, requestHash: "hash" })
    for (const key of ["a", "b", "c"]) {
      expect(await idempotency.begin(request(key))).toMatchObject({ decision: "proceed" })
    }
    const exhausted = { code: "IDEMPOTENCY_KEYS_EXHAUSTED", origin: "caller", retryable: true }
    await expect(idempotency.begin(request("d"))).rejects.toMatchObject(exhausted)
    await expect(idempotency.begin({ ...request("e"), subject: "token-2" })).rejects.toMatchObject(exhausted)
    expect(await idempotency.begin(request("a"))).toMatchObject({ decision: "wait" })
    expect(await idempotency.begin({ ...request("d"), tenantId: "globex" })).toMatchObject({ decision: "proceed" })
    const { tenantId: _, ...platform } = request("f")
    expect(await idempotency.begin(platform)).toMatchObject({ decision: "proceed" })
  })

  it("bound the bytes that are kept for repetitions", async () => {
    const [{ idempotency }] = await hosts(engine, { idempotencyKeys: 100 })
    const request = (key: string) => ({ subject: "token-1", tenantId: "acme", key, requestHash: "hash" })
    const begun = await idempotency.begin(request("long"))
    if (begun.decision !== "proceed") throw new Error("it did not proceed")
    await idempotency.complete(begun.ticket, { status: 201, body: "x".repeat(10_000) })
    await expect(idempotency.begin(request("more"))).rejects.toMatchObject({ code: "IDEMPOTENCY_KEYS_EXHAUSTED" })
    expect(await idempotency.begin(request("long"))).toMatchObject({ decision: "replay" })
  })
})
