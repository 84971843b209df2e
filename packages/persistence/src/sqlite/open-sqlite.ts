import { Kysely } from "kysely"
import type { DatabaseOptions } from "../database-options.ts"
import { sqlitePath } from "../database-url.ts"
import type { Engine } from "../engine.ts"
import { migrate } from "../migrations/migrate.ts"
import { namingThePlace } from "../naming-the-place.ts"
import type { Schema } from "../schema.ts"
import { databaseTesting } from "../testing.ts"
import { prepareDatabaseFile } from "./database-file.ts"
import { sqliteDialect } from "./sqlite-dialect.ts"
import { WriterThread } from "./writer-thread.ts"

/** Longest wait for a host that is shutting down to release the file, in milliseconds. */
const defaultBusyTimeoutMs = 1000

/** Opens an SQLite file in its own thread; fails with the errors of `openDatabase`. */
export async function openSqlite(options: DatabaseOptions): Promise<Engine> {
  const path = sqlitePath(options.url)
  await prepareDatabaseFile(path)
  const writer = new WriterThread()
  try {
    const maxPageCount = options.testing?.maxPageCount
    const db = new Kysely<Schema>({ dialect: sqliteDialect(writer) })
    await namingThePlace(path, async () => {
      await writer.request({
        kind: "open",
        path,
        busyTimeoutMs: options.busyTimeoutMs ?? defaultBusyTimeoutMs,
        ...(maxPageCount === undefined ? {} : { maxPageCount }),
      })
      await migrate(db, path)
    })
    return { db, ...(options.testing === undefined ? {} : { testing: databaseTesting(writer) }) }
  } catch (error) {
    await writer.close()
    throw error
  }
}
