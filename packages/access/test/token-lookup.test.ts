import type { TokenRecord } from "@apeiro-cmk/persistence"
import { describe, expect, it } from "vitest"
import { TokenLookup } from "../src/token-lookup.ts"

/** A table of tokens that answers at the test's word. */
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
    if (query === undefined) throw new Error("there was no query")
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
  it("asks once for all lookups of one turn, each hash once, and answers each with its own token", async () => {
    const table = tableOf([record(1), record(2)])
    const lookup = new TokenLookup(table)
    const found = Promise.all([1, 2, 1, 3].map((id) => lookup.find(Buffer.alloc(32, id))))
    const query = await table.nextQuery()
    expect(query.hashes).toHaveLength(3)
    query.answer()
    expect((await found).map((token) => token?.tokenId)).toEqual(["token-1", "token-2", "token-1", undefined])
  })

  it("never answers from a query that began before the lookup: a revocation in between counts", async () => {
    const records = [record(1)]
    const table = tableOf(records)
    const lookup = new TokenLookup(table)
    const early = lookup.find(Buffer.alloc(32, 1))
    const first = await table.nextQuery()
    const late = lookup.find(Buffer.alloc(32, 1))
    first.answer()
    expect((await early)?.revokedAtMs).toBeUndefined()
    records[0] = { ...record(1), revokedAtMs: 5 }
    const second = await table.nextQuery()
    second.answer()
    expect((await late)?.revokedAtMs).toBe(5)
  })

  it("passes a failure on to all lookups that waited for it, and asks again for the next one", async () => {
    const table = tableOf([record(1)])
    const lookup = new TokenLookup(table)
    const failed = Promise.allSettled([lookup.find(Buffer.alloc(32, 1)), lookup.find(Buffer.alloc(32, 2))])
    const first = await table.nextQuery()
    first.fail(new Error("the database is gone"))
    expect((await failed).map(({ status }) => status)).toEqual(["rejected", "rejected"])
    const again = lookup.find(Buffer.alloc(32, 1))
    const second = await table.nextQuery()
    second.answer()
    expect((await again)?.tokenId).toBe("token-1")
  })
})
