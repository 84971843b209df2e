import type { AuditIntakeRepository, AuditLogRepository } from "@apeiro-cmk/audit-log"
import type { CredentialRepository } from "@apeiro-cmk/credential-store"
import type { KeyRepository } from "@apeiro-cmk/key-hierarchy"
import type { KeystoreRepository } from "@apeiro-cmk/keystore-manager"
import type { Clock } from "@apeiro-cmk/plugin-interface"
import { Kysely, sql } from "kysely"
import { sqlitePath } from "./database-url.ts"
import { migrate } from "./migrations/migrate.ts"
import type { AuditPlaceRepository, IdempotencyRepository, TenantRepository, TokenRepository } from "./ports.ts"
import { auditIntakeRepository } from "./repositories/audit-intake.ts"
import { auditLogRepository } from "./repositories/audit-log.ts"
import { auditPlaceRepository } from "./repositories/audit-places.ts"
import { credentialRepository } from "./repositories/credentials.ts"
import { type IdempotencyTimes, idempotencyRepository } from "./repositories/idempotency.ts"
import { keyRepository } from "./repositories/keys.ts"
import { keystoreRepository } from "./repositories/keystores.ts"
import { tenantRepository } from "./repositories/tenants.ts"
import { tokenRepository } from "./repositories/tokens.ts"
import type { Schema } from "./schema.ts"
import { prepareDatabaseFile } from "./sqlite/database-file.ts"
import { sqliteDialect } from "./sqlite/sqlite-dialect.ts"
import { WriterThread } from "./sqlite/writer-thread.ts"
import { Store } from "./store.ts"
import { type DatabaseTesting, databaseTesting, type TestingOptions } from "./testing.ts"

/** How long to wait for a host that is just ending to let go of the file. */
const defaultBusyTimeoutMs = 1000

const defaultIdempotencyTimes: IdempotencyTimes = { takeOverAfterMs: 60_000, retentionMs: 24 * 60 * 60 * 1000 }

/** How a database is opened. */
export interface DatabaseOptions {
  /** `sqlite:///absolute/path/host.sqlite`. */
  readonly url: string
  /** Wall clock of the idempotency keys; default: the system's. */
  readonly clock?: Pick<Clock, "nowMs">
  /** How long to wait for another process to let go of the file, in milliseconds; default 1000. */
  readonly busyTimeoutMs?: number
  /** Default: given up after a minute, kept for a day. */
  readonly idempotency?: IdempotencyTimes
  /** For tests only: faults on demand. */
  readonly testing?: TestingOptions
}

/** An open database. */
export interface Database {
  readonly tenants: TenantRepository
  readonly tokens: TokenRepository
  readonly keys: KeyRepository
  readonly keystores: KeystoreRepository
  readonly credentials: CredentialRepository
  readonly auditIntake: AuditIntakeRepository
  readonly auditLog: AuditLogRepository
  readonly auditPlaces: AuditPlaceRepository
  readonly idempotency: IdempotencyRepository
  /** Present when `testing` was asked for. */
  readonly testing?: DatabaseTesting
  /**
   * Resolves when the database answers; waits while it stalls, so give it a deadline of your own.
   * @throws {PersistenceError} DATABASE_UNAVAILABLE
   */
  ping(): Promise<void>
  /** Finishes what was accepted, then closes; later calls are refused with DATABASE_UNAVAILABLE. Idempotent. */
  close(): Promise<void>
}

/**
 * Opens the database, creates it where it does not exist, and brings its schema up to date.
 *
 * @throws {PersistenceError} DATABASE_URL_INVALID
 * @throws {PersistenceError} DATABASE_IN_USE - another process holds the file
 * @throws {PersistenceError} DATABASE_FULL, DATABASE_READ_ONLY, DATABASE_CORRUPT, DATABASE_UNAVAILABLE
 * @throws {PersistenceError} SCHEMA_NEWER - a newer version of this program has used it
 */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  const path = sqlitePath(options.url)
  await prepareDatabaseFile(path)
  const writer = new WriterThread(path)
  try {
    const maxPageCount = options.testing?.maxPageCount
    await writer.request({
      kind: "open",
      path,
      busyTimeoutMs: options.busyTimeoutMs ?? defaultBusyTimeoutMs,
      ...(maxPageCount === undefined ? {} : { maxPageCount }),
    })
    const db = new Kysely<Schema>({ dialect: sqliteDialect(writer) })
    await migrate(db, path)
    return repositories(new Store(db), writer, options)
  } catch (error) {
    await writer.close()
    throw error
  }
}

function repositories(store: Store, writer: WriterThread, options: DatabaseOptions): Database {
  const clock = options.clock ?? { nowMs: () => Date.now() }
  return {
    tenants: tenantRepository(store),
    tokens: tokenRepository(store),
    keys: keyRepository(store),
    keystores: keystoreRepository(store),
    credentials: credentialRepository(store),
    auditIntake: auditIntakeRepository(store),
    auditLog: auditLogRepository(store),
    auditPlaces: auditPlaceRepository(store),
    idempotency: idempotencyRepository(store, () => clock.nowMs(), options.idempotency ?? defaultIdempotencyTimes),
    ...(options.testing === undefined ? {} : { testing: databaseTesting(writer) }),
    async ping() {
      await store.run((db) => sql`select 1`.execute(db))
    },
    async close() {
      await store.close()
    },
  }
}
