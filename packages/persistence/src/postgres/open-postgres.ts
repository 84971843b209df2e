import { Kysely } from "kysely"
import type { DatabaseOptions } from "../database-options.ts"
import type { Engine } from "../engine.ts"
import { persistenceError } from "../errors.ts"
import { defaultJobSettings } from "../jobs/job-queue.ts"
import { migrate } from "../migrations/migrate.ts"
import { namingThePlace } from "../naming-the-place.ts"
import type { Schema } from "../schema.ts"
import { BossJobQueue } from "./boss-job-queue.ts"
import { type PostgresAddress, postgresAddress } from "./connection-url.ts"
import { ConnectionPool, defaultTimes, type PoolOptions } from "./pool.ts"
import { postgresDialect } from "./postgres-dialect.ts"

const defaultMaximumConnections = 10
/** A migration can take long, and so can the wait for that of another host. */
const migrationTimeoutMs = 600_000
/** The migrator holds its lock on one connection and works on another. */
const migrationConnections = 2

/** Opens a PostgreSQL database; fails with the errors of `openDatabase`. */
export async function openPostgres(options: DatabaseOptions): Promise<Engine> {
  const address = postgresAddress(options.url)
  const settings: PoolOptions = {
    readPassword: () => passwordOf(address, options.readPassword),
    maximumConnections: options.maximumConnections ?? defaultMaximumConnections,
    applicationName: options.applicationName ?? "apeiro-cmk",
    times: { ...defaultTimes, ...options.times },
  }
  await bringUpToDate(address, settings)
  const pool = await ConnectionPool.create(address, settings)
  const jobs = new BossJobQueue(pool, { ...defaultJobSettings, ...options.jobs })
  return { db: new Kysely<Schema>({ dialect: postgresDialect(pool) }), jobs }
}

async function bringUpToDate(address: PostgresAddress, settings: PoolOptions): Promise<void> {
  const pool = await ConnectionPool.create(address, {
    ...settings,
    maximumConnections: migrationConnections,
    times: { ...settings.times, statementMs: migrationTimeoutMs },
  })
  const db = new Kysely<Schema>({ dialect: postgresDialect(pool) })
  try {
    await namingThePlace(nameOf(address), async () => {
      const { rows } = await pool.query("select current_schema() as name")
      await migrate(db, nameOf(address), currentSchema(rows))
    })
  } finally {
    await db.destroy()
  }
}

function currentSchema(rows: readonly unknown[]): string {
  const [row] = rows
  if (typeof row === "object" && row !== null && "name" in row && typeof row.name === "string") return row.name
  throw persistenceError(
    "DATABASE_ACCESS_DENIED",
    "The role of persistence.url may not use any schema of the database.",
  )
}

function nameOf({ database, host, port }: PostgresAddress): string {
  return `${database} at ${host.includes(":") ? `[${host}]` : host}:${port}`
}

async function passwordOf({ password }: PostgresAddress, read: DatabaseOptions["readPassword"]): Promise<string> {
  if (read === undefined && password !== undefined) return password
  if (read === undefined) {
    throw persistenceError("DATABASE_ACCESS_DENIED", "The database server asks for a password, and none is configured.")
  }
  try {
    return await read()
  } catch (error) {
    throw persistenceError("DATABASE_ACCESS_DENIED", "The database password cannot be read.", error)
  }
}
