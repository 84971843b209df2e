import { type PostgresServer, postgresAvailable, startPostgres } from "@apeiro-cmk/test-backends"
import { afterAll, onTestFinished } from "vitest"
import { type Database, type DatabaseOptions, openDatabase } from "../../src/index.ts"
import { temporaryDatabase } from "./temporary-database.ts"

/** A database of one test's own. */
export interface TestDatabase {
  readonly url: string
  /** Opens it as often as the test wants; what the test leaves open is closed after it. */
  open(options?: Partial<DatabaseOptions>): Promise<Database>
  /** Runs SQL by a second route, past the code under test; on SQLite only while the database is closed. */
  sql(statement: string): Promise<readonly Readonly<Record<string, unknown>>[]>
}

/** One kind of database: everything that the repositories promise holds on each. */
export interface TestEngine {
  readonly name: "SQLite" | "PostgreSQL"
  createDatabase(): Promise<TestDatabase>
}

const sqlite: TestEngine = { name: "SQLite", createDatabase: () => temporaryDatabase() }

/** A server for the tests of one file; it ends with them. */
export async function serverOfFile(): Promise<() => Promise<PostgresServer>> {
  let starting: Promise<PostgresServer> | undefined
  afterAll(async () => (await starting)?.stop())
  return () => {
    starting ??= startPostgres()
    return starting
  }
}

/** The databases that can be had here, for `describe.each`; a missing PostgreSQL is printed, or fails in CI. */
export async function testEngines(): Promise<readonly TestEngine[]> {
  if (!(await postgresAvailable())) return [sqlite]
  const server = await serverOfFile()
  return [sqlite, { name: "PostgreSQL", createDatabase: async () => postgresDatabase(await server()) }]
}

/** An empty database of a server. */
export async function postgresDatabase(server: PostgresServer): Promise<TestDatabase> {
  const url = await server.createDatabase()
  const opened: Database[] = []
  onTestFinished(async () => {
    await Promise.allSettled(opened.map((database) => database.close()))
  })
  return {
    url,
    open: async (options = {}) => {
      const database = await openDatabase({ url, maximumConnections: 4, ...options })
      opened.push(database)
      return database
    },
    sql: (statement) => server.sql(statement, new URL(url).pathname.slice(1)),
  }
}

/** An open database of a test's own. */
export async function openTestDatabase(engine: TestEngine, options?: Partial<DatabaseOptions>): Promise<Database> {
  const { open } = await engine.createDatabase()
  return open(options)
}
