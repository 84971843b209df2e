import type { PostgresCursor, PostgresPoolClient, PostgresQueryResult } from "kysely"
import pg from "pg"
import { sqlParameter } from "../sql-parameter.ts"
import { postgresError } from "./postgres-errors.ts"

/**
 * Connects Kysely to one connection of the pool. After any failure other than an answer of the server the connection is
 * closed and not used again, because its state is unknown.
 */
export class PooledConnection implements PostgresPoolClient {
  readonly #client: pg.PoolClient
  #isBroken = false

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
    try {
      const { command, rowCount, rows } = await this.#client.query(sql, values)
      // Kysely's own contract: it sends no other commands than these.
      return { command: command as PostgresQueryResult<Row>["command"], rowCount: rowCount ?? 0, rows }
    } catch (error) {
      this.#isBroken ||= !(error instanceof pg.DatabaseError)
      throw postgresError(error)
    }
  }
}
