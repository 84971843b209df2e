import type { PostgresCursor, PostgresPoolClient, PostgresQueryResult } from "kysely"
import pg from "pg"
import { commitUncertain, persistenceError } from "../errors.ts"
import { isRead } from "../is-read.ts"
import { sqlParameter } from "../sql-parameter.ts"
import { leavesCommitUncertain, postgresError } from "./postgres-errors.ts"

/**
 * Connects Kysely to one connection of the pool. After any failure other than an answer of the server the connection is
 * closed and not used again, because its state is unknown.
 */
export class PooledConnection implements PostgresPoolClient {
  readonly #client: pg.PoolClient
  #isBroken = false
  #inTransaction = false

  constructor(client: pg.PoolClient) {
    this.#client = client
  }

  query<Row>(sql: string, parameters: readonly unknown[]): Promise<PostgresQueryResult<Row>>
  query<Row>(cursor: PostgresCursor<Row>): PostgresCursor<Row>
  query<Row>(
    statement: string | PostgresCursor<Row>,
    parameters: readonly unknown[] = [],
  ): Promise<PostgresQueryResult<Row>> | PostgresCursor<Row> {
    if (typeof statement !== "string") throw new TypeError("Streaming is not supported: read in pages.")
    return this.#run<Row>(statement, parameters)
  }

  release(destroy = false): void {
    this.#client.release(destroy || this.#isBroken)
  }

  async #run<Row>(sql: string, parameters: readonly unknown[]): Promise<PostgresQueryResult<Row>> {
    // Kysely binds booleans when it inspects the schema; no column takes one.
    const values = parameters.map((value) => (typeof value === "boolean" ? value : sqlParameter(value)))
    const storesChange = sql === "commit" || (!this.#inTransaction && !isRead(sql))
    try {
      const { command, rowCount, rows } = await this.#client.query(sql, values)
      this.#inTransaction = command === "BEGIN" || command === "START" || (this.#inTransaction && !isEnd(command))
      // Kysely's own contract: it sends no other commands than these.
      return { command: command as PostgresQueryResult<Row>["command"], rowCount: rowCount ?? 0, rows }
    } catch (error) {
      this.#isBroken ||= !(error instanceof pg.DatabaseError)
      // A broken connection has no transaction left, and the caller has the error that broke it.
      if (sql === "rollback") return { command: "ROLLBACK", rowCount: 0, rows: [] }
      const translated = postgresError(error)
      throw storesChange && leavesCommitUncertain(error) ? uncertain(translated) : translated
    }
  }
}

function isEnd(command: string): boolean {
  return command === "COMMIT" || command === "ROLLBACK"
}

function uncertain(cause: Error): Error {
  return persistenceError("DATABASE_COMMIT_UNCERTAIN", commitUncertain, cause)
}
