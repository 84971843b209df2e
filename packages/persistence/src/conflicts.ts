import { setTimeout as delay } from "node:timers/promises"
import { persistenceError } from "./errors.ts"

/** How often a transaction is begun before it is given up. */
const maximumAttempts = 12
/** Longest pause before an attempt, in milliseconds: it doubles from the first of these to the second. */
const pauseMs = { first: 4, longest: 250 }

/** The database undid a transaction that would not have had the same effect in any order; nothing of it is left. */
export class TransactionConflict extends Error {
  override readonly name = "TransactionConflict"
}

/**
 * Runs a transaction, again and again while it meets another one's changes; pauses vary, so that two do not meet twice.
 * @throws {PersistenceError} DATABASE_BUSY - it met one every time
 */
export async function retryingConflicts<Result>(transaction: () => Promise<Result>): Promise<Result> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await transaction()
    } catch (error) {
      if (!(error instanceof TransactionConflict)) throw error
      if (attempt === maximumAttempts) {
        const message = `Others changed the same records ${maximumAttempts} times in a row.`
        throw persistenceError("DATABASE_BUSY", message, error)
      }
      await delay(Math.random() * Math.min(pauseMs.first * 2 ** attempt, pauseMs.longest))
    }
  }
}
