import { setImmediate as restOfTurn } from "node:timers/promises"
import type { TokenRecord, TokenRepository } from "@apeiro-cmk/persistence"

/**
 * Finds a token by the hash of its secret; undefined where there is none.
 * @throws {PersistenceError} DATABASE_UNAVAILABLE, DATABASE_FAULT
 */
export type TokenLookup = (hash: Uint8Array) => Promise<TokenRecord | undefined>

interface WaitingLookup {
  readonly hash: Uint8Array
  readonly settle: (found: PromiseSettledResult<TokenRecord | undefined>) => void
}

/** Hashes in one query. */
const largestGroup = 500

/**
 * Makes a lookup that shares its queries: while one runs, the hashes that come meanwhile gather for the next. Nothing is
 * cached: each answer is of a query that began after it was asked for, so that a revoked token is refused at once.
 */
export function createTokenLookup(tokens: Pick<TokenRepository, "tokensByHash">): TokenLookup {
  const waiting: WaitingLookup[] = []
  let running = false

  const answerWaiting = async (): Promise<void> => {
    running = true
    while (waiting.length > 0) {
      await restOfTurn()
      const group = waiting.splice(0, largestGroup)
      try {
        const found = await tokens.tokensByHash(distinct(group))
        for (const { hash, settle } of group) {
          settle({ status: "fulfilled", value: found.find((token) => Buffer.compare(token.hash, hash) === 0) })
        }
      } catch (reason) {
        for (const { settle } of group) settle({ status: "rejected", reason })
      }
    }
    running = false
  }

  return (hash) =>
    new Promise((resolve, reject) => {
      waiting.push({
        hash,
        settle: (found) => (found.status === "fulfilled" ? resolve(found.value) : reject(found.reason)),
      })
      if (!running) void answerWaiting()
    })
}

function distinct(group: readonly WaitingLookup[]): readonly Uint8Array[] {
  return [...new Map(group.map(({ hash }) => [Buffer.from(hash).toString("base64"), hash])).values()]
}
