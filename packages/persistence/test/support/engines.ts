import { type PostgresDatabases, postgresAvailable, sharedPostgres } from "@apeiro-cmk/test-backends"
import { afterAll, onTestFinished } from "vitest"
import { type Database, type DatabaseOptions, openDatabase } from "../../src/index.ts"
import { temporaryDatabase } from "./temporary-database.ts"

/** A database of one test's own. */
export interface TestDatabase {
  readonly url: string
  /** Opens it as often as the test wants; what the test leaves open is closed after it. */
  open(options?: Partial<DatabaseOptions>): Promise<Database>
}

/** One kind of database: everything that the repositories promise holds on each. */
export interface TestEngine {
  readonly name: "SQLite" | "PostgreSQL"
  createDatabase(): Promise<TestDatabase>
}

const sqlite: TestEngine = { name: "SQLite", createDatabase: () => temporaryDatabase() }

/** The databases that can be had here, for `describe.each`; a missing PostgreSQL is printed, or fails in CI. */
export async function testEngines(): Promise<readonly TestEngine[]> {
  if (!(await postgresAvailable())) return [sqlite]
  const server = await sharedPostgres()
  afterAll(() => server.stop())
  const createDatabase = async () => {
    const url = await server.createDatabase()
    onTestFinished(() => server.dropDatabase(url)) // hooks run last in, first out: after all connections are closed
    return databaseAt(url)
  }
  return [sqlite, { name: "PostgreSQL", createDatabase }]
}

/** An empty database of a server. */
export async function postgresDatabase(server: PostgresDatabases): Promise<TestDatabase> {
  return databaseAt(await server.createDatabase())
}

function databaseAt(url: string): TestDatabase {
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
  }
}

/** An open database of a test's own. */
export async function openTestDatabase(engine: TestEngine, options?: Partial<DatabaseOptions>): Promise<Database> {
  const { open } = await engine.createDatabase()
  return open(options)
}
