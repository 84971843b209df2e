import { type PostgresServer, postgresAvailable, startPostgres } from "@apeiro-cmk/test-backends"
import { afterAll, onTestFinished } from "vitest"
import { type Database, type DatabaseOptions, openDatabase } from "../../src/index.ts"
import { temporaryDatabase } from "./temporary-database.ts"

/** The database of one test. */
export interface TestDatabase {
  readonly url: string
  /** Opens it, as often as the test needs; every database that is still open is closed after the test. */
  open(options?: Partial<DatabaseOptions>): Promise<Database>
  /** Runs SQL by a second route, past the code under test; on SQLite only while the database is closed. */
  sql(statement: string): Promise<readonly Readonly<Record<string, unknown>>[]>
}

/** One kind of database: the repositories keep their guarantees on each. */
export interface TestEngine {
  readonly name: "SQLite" | "PostgreSQL"
  createDatabase(): Promise<TestDatabase>
}

const sqlite: TestEngine = { name: "SQLite", createDatabase: () => temporaryDatabase() }

/** Starts a server for the tests of one file on first use, and stops it after them. */
export async function serverOfFile(): Promise<() => Promise<PostgresServer>> {
  let starting: Promise<PostgresServer> | undefined
  afterAll(async () => (await starting)?.stop())
  return () => {
    starting ??= startPostgres()
    return starting
  }
}

/** Lists the engines that are available, for `describe.each`; a missing PostgreSQL is printed, or fails in CI. */
export async function testEngines(): Promise<readonly TestEngine[]> {
  if (!(await postgresAvailable())) return [sqlite]
  const server = await serverOfFile()
  return [sqlite, { name: "PostgreSQL", createDatabase: async () => postgresDatabase(await server()) }]
}

/** Makes an empty database on a server. */
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

/** Opens a new database for a test. */
export async function openTestDatabase(engine: TestEngine, options?: Partial<DatabaseOptions>): Promise<Database> {
  const { open } = await engine.createDatabase()
  return open(options)
}
