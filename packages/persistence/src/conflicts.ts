import { setTimeout as delay } from "node:timers/promises"
import { persistenceError } from "./errors.ts"

/** Number of times that a transaction is begun before it is given up. */
const maximumAttempts = 12
/** Upper bound of the pause before an attempt, in milliseconds: it doubles from `first` up to `longest`. */
const pauseMs = { first: 4, longest: 250 }

/** Thrown when the database undid a transaction because no serial order has the same effect; nothing of it is left. */
export class TransactionConflict extends Error {
  override readonly name = "TransactionConflict"
}

/**
 * Runs a transaction, and repeats it while it conflicts with another one. The pauses are random, so that two
 * transactions do not collide repeatedly.
 * @throws {PersistenceError} DATABASE_BUSY - every attempt met a conflict
 */
export async function retryingConflicts<Result>(transaction: () => Promise<Result>): Promise<Result> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await transaction()
    } catch (error) {
      if (!(error instanceof TransactionConflict)) throw error
      if (attempt === maximumAttempts) {
        const message = `Other transactions changed the same records ${maximumAttempts} times in a row.`
        throw persistenceError("DATABASE_BUSY", message, error)
      }
      await delay(Math.random() * Math.min(pauseMs.first * 2 ** attempt, pauseMs.longest))
    }
  }
}
