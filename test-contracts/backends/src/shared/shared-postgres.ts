import * as z from "zod"
import { createDatabase, dropDatabase, runSql } from "../postgres/database.ts"
import { type PostgresServer, startPostgres } from "../postgres/server.ts"
import { askShared } from "./ask-shared.ts"

const connection = z.object({ port: z.number(), superuserPassword: z.string() })

/** Creates databases. A test that stops, disturbs or inspects the server starts its own {@link PostgresServer}. */
export interface PostgresDatabases {
  /** Creates a role with a password and an empty database that it owns. @returns URL with the password */
  createDatabase(): Promise<string>
  /** Drops a database and its role, even while clients are connected. */
  dropDatabase(url: string): Promise<void>
  /** Runs one statement as the superuser, on a separate connection. @returns its rows */
  sql(statement: string, database?: string): Promise<readonly Record<string, unknown>[]>
  /** Stops the server if it belongs to this file alone. */
  stop(): Promise<void>
}

/**
 * Finds the PostgreSQL server that all test files of this run share. Starts one for this file when none is shared, e.g. when
 * vitest is called directly.
 *
 * @throws {BackendUnavailable} PostgreSQL cannot be installed here
 */
export async function sharedPostgres(): Promise<PostgresDatabases> {
  const shared = await askShared("postgres", connection)
  if (shared === undefined) return startPostgres()
  return {
    createDatabase: () => createDatabase(shared),
    dropDatabase: (url) => dropDatabase(shared, url),
    sql: (statement, database) => runSql(shared, statement, database),
    stop: async () => undefined,
  }
}
