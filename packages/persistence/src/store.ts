import type { IsolationLevel, Kysely, Transaction } from "kysely"
import { retryingConflicts } from "./conflicts.ts"
import { persistenceError } from "./errors.ts"
import type { Schema } from "./schema.ts"

/** Runs the operations of the repositories: accepts them until it is closed, and finishes those that it accepted. */
export class Store {
  readonly #db: Kysely<Schema>
  readonly #accepted = new Set<Promise<unknown>>()
  #closed: Promise<void> | undefined

  constructor(db: Kysely<Schema>) {
    this.#db = db
  }

  /**
   * Runs one statement, which is its own transaction.
   * @throws {PersistenceError} DATABASE_UNAVAILABLE - the store is closed
   */
  async run<Result>(operation: (db: Kysely<Schema>) => Promise<Result>): Promise<Result> {
    return this.#accept(() => operation(this.#db))
  }

  /**
   * Runs several statements, all or none of which take effect, as if no other transaction ran at the same time. The
   * operation may run several times, so it must do nothing but work on the database.
   *
   * @param isolation - only for an operation that locks the records on which it depends
   * @throws {PersistenceError} DATABASE_UNAVAILABLE - the store is closed
   * @throws {PersistenceError} DATABASE_BUSY - other transactions kept changing the same records
   */
  async transaction<Result>(
    operation: (transaction: Transaction<Schema>) => Promise<Result>,
    isolation: IsolationLevel = "serializable",
  ): Promise<Result> {
    return this.#accept(() => this.#db.transaction().setIsolationLevel(isolation).execute(operation))
  }

  /** Resolves when all accepted operations are done and the database is closed. */
  async close(): Promise<void> {
    this.#closed ??= this.#finish()
    await this.#closed
  }

  async #accept<Result>(operation: () => Promise<Result>): Promise<Result> {
    if (this.#closed !== undefined) throw persistenceError("DATABASE_UNAVAILABLE", "The database is closed.")
    const running = retryingConflicts(operation)
    this.#accepted.add(running)
    try {
      return await running
    } finally {
      this.#accepted.delete(running)
    }
  }

  async #finish(): Promise<void> {
    await Promise.allSettled(this.#accepted)
    await this.#db.destroy()
  }
}
