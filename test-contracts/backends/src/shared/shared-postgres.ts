import * as z from "zod"
import { createDatabase, dropDatabase } from "../postgres/database.ts"
import { type PostgresServer, startPostgres } from "../postgres/server.ts"

/** Tells a test file where the servers are that it shares with others. */
export const sharedServersVariable = "APEIRO_CMK_SHARED_SERVERS"

const connection = z.object({ port: z.number(), superuserPassword: z.string() })

/** The way to a PostgreSQL on 127.0.0.1 as its superuser. */
export type PostgresConnection = z.infer<typeof connection>

/** Makes databases; a test that stops, breaks or looks at its server takes a {@link PostgresServer} of its own. */
export interface PostgresDatabases {
  /** Makes a role with a password and an empty database that it owns. @returns URL with the password */
  createDatabase(): Promise<string>
  /** Removes a database and its role, whoever is still connected. */
  dropDatabase(url: string): Promise<void>
  /** Ends the server where it belongs to this file alone. */
  stop(): Promise<void>
}

/**
 * Finds the PostgreSQL that all files of this test run share; starts one for this file where nobody shares any, e.g. when
 * vitest is called directly.
 *
 * @throws {BackendUnavailable} PostgreSQL cannot be installed here
 */
export async function sharedPostgres(): Promise<PostgresDatabases> {
  const address = process.env[sharedServersVariable]
  if (address === undefined) return startPostgres()
  const answer = await fetch(`${address}/postgres`)
  if (!answer.ok) throw new Error(`The shared PostgreSQL did not start: ${await answer.text()}`)
  const shared = connection.parse(await answer.json())
  return {
    createDatabase: () => createDatabase(shared),
    dropDatabase: (url) => dropDatabase(shared, url),
    stop: async () => undefined,
  }
}
