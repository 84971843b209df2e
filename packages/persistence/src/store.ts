import type { Kysely, Transaction } from "kysely"
import { persistenceError } from "./errors.ts"
import type { Schema } from "./schema.ts"

/** What the repositories work on: accepts operations until it is closed, and finishes those that it accepted. */
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
   * Runs several statements, all or none of which take effect.
   * @throws {PersistenceError} DATABASE_UNAVAILABLE - the store is closed
   */
  async transaction<Result>(operation: (transaction: Transaction<Schema>) => Promise<Result>): Promise<Result> {
    return this.#accept(() => this.#db.transaction().execute(operation))
  }

  /** Resolves when everything that was accepted is done and the database is closed. */
  async close(): Promise<void> {
    this.#closed ??= this.#finish()
    await this.#closed
  }

  async #accept<Result>(operation: () => Promise<Result>): Promise<Result> {
    if (this.#closed !== undefined) throw persistenceError("DATABASE_UNAVAILABLE", "The database is closed.")
    const running = operation()
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
