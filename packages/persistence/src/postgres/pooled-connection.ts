import type { PostgresCursor, PostgresPoolClient, PostgresQueryResult } from "kysely"
import pg from "pg"
import { sqlParameter } from "../sql-parameter.ts"
import { postgresError } from "./postgres-errors.ts"

/**
 * One connection for Kysely. A connection that failed in any way but by an answer of the server is closed and not used
 * again: nobody knows what it is in the middle of.
 */
export function pooledConnection(client: pg.PoolClient): PostgresPoolClient {
  let isBroken = false

  async function run<Row>(sql: string, parameters: readonly unknown[]): Promise<PostgresQueryResult<Row>> {
    // Kysely's look at the schema binds booleans; no column takes one.
    const values = parameters.map((value) => (typeof value === "boolean" ? value : sqlParameter(value)))
    try {
      const { command, rowCount, rows } = await client.query(sql, values)
      // Kysely's own contract: it asks for no command but these.
      return { command: command as PostgresQueryResult<Row>["command"], rowCount: rowCount ?? 0, rows }
    } catch (error) {
      isBroken ||= !(error instanceof pg.DatabaseError)
      throw postgresError(error)
    }
  }

  function query<Row>(sql: string, parameters: readonly unknown[]): Promise<PostgresQueryResult<Row>>
  function query<Row>(cursor: PostgresCursor<Row>): PostgresCursor<Row>
  function query<Row>(
    statement: string | PostgresCursor<Row>,
    parameters: readonly unknown[] = [],
  ): Promise<PostgresQueryResult<Row>> | PostgresCursor<Row> {
    if (typeof statement !== "string") throw new TypeError("Streaming is not supported: read in pages.")
    return run<Row>(statement, parameters)
  }

  return { query, release: (destroy = false) => client.release(destroy || isBroken) }
}
