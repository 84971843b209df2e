import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { pathToFileURL } from "node:url"
import { onTestFinished } from "vitest"
import { type Database, type DatabaseOptions, openDatabase } from "../../src/index.ts"

/** Makes a folder for this test, removed after it. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "persistence-"))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

export function sqliteUrl(path: string): string {
  return `sqlite://${pathToFileURL(path).pathname}`
}

/** Makes a database file for this test, and closes after it every database that is still open. */
export async function temporaryDatabase() {
  const folder = await temporaryFolder()
  const path = join(folder, "data", "host.sqlite")
  const opened: Database[] = []
  onTestFinished(async () => {
    await Promise.allSettled(opened.map((database) => database.close()))
  })
  const open = async (options: Partial<DatabaseOptions> = {}): Promise<Database> => {
    const database = await openDatabase({ url: sqliteUrl(path), busyTimeoutMs: 50, ...options })
    opened.push(database)
    return database
  }
  const sql = async (statement: string) => {
    const file = new DatabaseSync(path)
    try {
      return file.prepare(statement).all()
    } finally {
      file.close()
    }
  }
  return { folder, path, url: sqliteUrl(path), open, sql }
}
