import { setImmediate as restOfTurn } from "node:timers/promises"
import type { TokenRecord, TokenRepository } from "@apeiro-cmk/persistence"

interface WaitingLookup {
  readonly hash: Uint8Array
  readonly settle: (found: PromiseSettledResult<TokenRecord | undefined>) => void
}

/** Most hashes in one query. */
const largestGroup = 500

/**
 * Finds tokens by the hash of their secret. Lookups share queries: while one query runs, new lookups gather for the next.
 * Nothing is cached: each answer comes from a query that began after the lookup did, so a revoked token is refused at once.
 */
export class TokenLookup {
  readonly #tokens: Pick<TokenRepository, "tokensByHash">
  readonly #waiting: WaitingLookup[] = []
  #isRunning = false

  constructor(tokens: Pick<TokenRepository, "tokensByHash">) {
    this.#tokens = tokens
  }

  /**
   * Finds the token whose secret has this hash.
   * @returns undefined when the hash is unknown
   * @throws {PersistenceError} DATABASE_UNAVAILABLE, DATABASE_FAULT
   */
  find(hash: Uint8Array): Promise<TokenRecord | undefined> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({
        hash,
        settle: (found) => (found.status === "fulfilled" ? resolve(found.value) : reject(found.reason)),
      })
      if (!this.#isRunning) void this.#answerWaiting()
    })
  }

  async #answerWaiting(): Promise<void> {
    this.#isRunning = true
    while (this.#waiting.length > 0) {
      await restOfTurn()
      await this.#answer(this.#waiting.splice(0, largestGroup))
    }
    this.#isRunning = false
  }

  async #answer(group: readonly WaitingLookup[]): Promise<void> {
    try {
      const found = await this.#tokens.tokensByHash(distinct(group))
      for (const { hash, settle } of group) {
        settle({ status: "fulfilled", value: found.find((token) => Buffer.compare(token.hash, hash) === 0) })
      }
    } catch (reason) {
      for (const { settle } of group) settle({ status: "rejected", reason })
    }
  }
}

function distinct(group: readonly WaitingLookup[]): readonly Uint8Array[] {
  return [...new Map(group.map(({ hash }) => [Buffer.from(hash).toString("base64"), hash])).values()]
}
