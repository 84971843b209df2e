import type { TokenRecord } from "@apeiro-cmk/persistence"
import { describe, expect, it } from "vitest"
import { createTokenLookup } from "../src/auth/token-lookup.ts"

/** A table of tokens that answers when it is told to. */
function tableOf(records: TokenRecord[]) {
  const queries: { readonly hashes: readonly Uint8Array[]; answer(): void; fail(error: Error): void }[] = []
  let asked = () => {}
  const tokensByHash = (hashes: readonly Uint8Array[]) =>
    new Promise<readonly TokenRecord[]>((resolve, reject) => {
      const answer = () =>
        resolve(records.filter(({ hash }) => hashes.some((other) => Buffer.compare(hash, other) === 0)))
      queries.push({ hashes, answer, fail: reject })
      asked()
    })
  const nextQuery = async () => {
    if (queries.length === 0) await new Promise<void>((resolve) => (asked = resolve))
    const query = queries.shift()
    if (query === undefined) throw new Error("nobody asked")
    return query
  }
  return { tokensByHash, nextQuery }
}

const record = (id: number): TokenRecord => ({
  tokenId: `token-${id}`,
  tenantId: "acme",
  role: "workload",
  hash: Buffer.alloc(32, id),
  createdAtMs: 0,
  expiresAtMs: 1,
})

describe("looking tokens up", () => {
  it("asks once for all that come in one turn, each hash once, and gives each its own", async () => {
    const table = tableOf([record(1), record(2)])
    const find = createTokenLookup(table)
    const found = Promise.all([1, 2, 1, 3].map((id) => find(Buffer.alloc(32, id))))
    const query = await table.nextQuery()
    expect(query.hashes).toHaveLength(3)
    query.answer()
    expect((await found).map((token) => token?.tokenId)).toEqual(["token-1", "token-2", "token-1", undefined])
  })

  it("never answers out of a query that began before it was asked: a revocation in between counts", async () => {
    const records = [record(1)]
    const table = tableOf(records)
    const find = createTokenLookup(table)
    const early = find(Buffer.alloc(32, 1))
    const first = await table.nextQuery()
    const late = find(Buffer.alloc(32, 1))
    first.answer()
    expect((await early)?.revokedAtMs).toBeUndefined()
    records[0] = { ...record(1), revokedAtMs: 5 }
    const second = await table.nextQuery()
    second.answer()
    expect((await late)?.revokedAtMs).toBe(5)
  })

  it("passes a failure on to all who waited for it, and asks again for the next", async () => {
    const table = tableOf([record(1)])
    const find = createTokenLookup(table)
    const failed = Promise.allSettled([find(Buffer.alloc(32, 1)), find(Buffer.alloc(32, 2))])
    const first = await table.nextQuery()
    first.fail(new Error("the database is gone"))
    expect((await failed).map(({ status }) => status)).toEqual(["rejected", "rejected"])
    const again = find(Buffer.alloc(32, 1))
    const second = await table.nextQuery()
    second.answer()
    expect((await again)?.tokenId).toBe("token-1")
  })
})
