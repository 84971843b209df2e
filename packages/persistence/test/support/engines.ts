import { type PostgresDatabases, postgresAvailable, sharedPostgres } from "@apeiro-cmk/test-backends"
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

/** Lists the engines that are available, for `describe.each`; a missing PostgreSQL is printed, or fails in CI. */
export async function testEngines(): Promise<readonly TestEngine[]> {
  if (!(await postgresAvailable())) return [sqlite]
  const server = await sharedPostgres()
  afterAll(() => server.stop())
  const createDatabase = async () => {
    const url = await server.createDatabase()
    onTestFinished(() => server.dropDatabase(url)) // hooks run last in, first out: after all connections are closed
    return databaseAt(server, url)
  }
  return [sqlite, { name: "PostgreSQL", createDatabase }]
}

/** Makes an empty database on a server. */
export async function postgresDatabase(server: PostgresDatabases): Promise<TestDatabase> {
  return databaseAt(server, await server.createDatabase())
}

function databaseAt(server: PostgresDatabases, url: string): TestDatabase {
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
