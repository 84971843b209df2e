import type { AuditIntakeRepository, AuditLogRepository } from "@apeiro-cmk/audit-log"
import type { CredentialRepository } from "@apeiro-cmk/credential-store"
import type { KeyRepository, ServiceKeyList } from "@apeiro-cmk/key-hierarchy"
import type {
  ClaimRepository,
  KeystoreRepository,
  OperationCountRepository,
  PlatformKeystoreRepository,
} from "@apeiro-cmk/keystore-manager"
import { sql } from "kysely"
import type { DatabaseOptions } from "./database-options.ts"
import type { Engine } from "./engine.ts"
import { defaultJobSettings, type JobQueue } from "./jobs/job-queue.ts"
import { TableJobQueue } from "./jobs/table-job-queue.ts"
import type {
  AuditPlaceRepository,
  IdempotencyRepository,
  SampleRepository,
  SharedFactRepository,
  TenantRepository,
  TokenRepository,
} from "./ports.ts"
import { isPostgresUrl } from "./postgres/connection-url.ts"
import { openPostgres } from "./postgres/open-postgres.ts"
import { StoredAuditIntake } from "./repositories/audit-intake.ts"
import { StoredAuditLog } from "./repositories/audit-log.ts"
import { StoredAuditPlaces } from "./repositories/audit-places.ts"
import { StoredClaims } from "./repositories/claims.ts"
import { StoredCredentials } from "./repositories/credentials.ts"
import { type IdempotencyTimes, StoredIdempotencyKeys } from "./repositories/idempotency.ts"
import { StoredKeys } from "./repositories/keys.ts"
import { StoredKeystores } from "./repositories/keystores.ts"
import { StoredOperationCounts } from "./repositories/operation-counts.ts"
import { StoredPlatformKeystores } from "./repositories/platform-keystores.ts"
import { StoredSamples } from "./repositories/samples.ts"
import { StoredSharedFacts } from "./repositories/shared-facts.ts"
import { StoredTenants } from "./repositories/tenants.ts"
import { StoredTokens } from "./repositories/tokens.ts"
import { tryWrite } from "./repositories/write-trial.ts"
import { openSqlite } from "./sqlite/open-sqlite.ts"
import { Store } from "./store.ts"
import type { DatabaseTesting } from "./testing.ts"

const defaultIdempotencyTimes: IdempotencyTimes = { takeOverAfterMs: 60_000, retentionMs: 24 * 60 * 60 * 1000 }

/** An open database: the repositories, the job queue and its life cycle. */
export interface Database {
  readonly tenants: TenantRepository
  readonly tokens: TokenRepository
  readonly keys: KeyRepository & ServiceKeyList
  readonly keystores: KeystoreRepository
  readonly platformKeystores: PlatformKeystoreRepository
  readonly claims: ClaimRepository
  readonly credentials: CredentialRepository
  readonly auditIntake: AuditIntakeRepository
  readonly auditLog: AuditLogRepository
  readonly auditPlaces: AuditPlaceRepository
  readonly idempotency: IdempotencyRepository
  readonly jobs: JobQueue
  readonly operationCounts: OperationCountRepository
  readonly sharedFacts: SharedFactRepository
  readonly samples: SampleRepository
  /** Whether several hosts may have it open at the same time. */
  readonly isShared: boolean
  /** Present when `openDatabase` was called with `testing`. */
  readonly testing?: DatabaseTesting
  /**
   * Resolves when the database answers. It waits as long as the database stalls: set your own deadline.
   * @throws {PersistenceError} DATABASE_UNAVAILABLE
   */
  ping(): Promise<void>
  /**
   * Resolves when the database has stored a small change: a full disk or a standby still answers reads. It waits as long
   * as the database stalls.
   * @throws {PersistenceError} DATABASE_FULL, DATABASE_READ_ONLY, DATABASE_UNAVAILABLE, ...
   */
  tryWrite(): Promise<void>
  /** Finishes the work it accepted, then closes; later calls fail with DATABASE_UNAVAILABLE. Idempotent. */
  close(): Promise<void>
}

/**
 * Opens the database and brings its schema up to date. Creates an SQLite file that does not exist.
 *
 * @throws {PersistenceError} DATABASE_URL_INVALID - not a URL of either kind
 * @throws {PersistenceError} DATABASE_IN_USE - another process holds the SQLite file
 * @throws {PersistenceError} DATABASE_ACCESS_DENIED - PostgreSQL refuses the user, the password or a privilege
 * @throws {PersistenceError} DATABASE_FULL, DATABASE_READ_ONLY, DATABASE_CORRUPT, DATABASE_UNAVAILABLE, DATABASE_BUSY
 * @throws {PersistenceError} SCHEMA_NEWER - a newer version of this program has used it
 */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  const engine = await (isPostgresUrl(options.url) ? openPostgres(options) : openSqlite(options))
  return repositories(new Store(engine.db), engine, options)
}

function repositories(store: Store, { testing, jobs: own }: Engine, options: DatabaseOptions): Database {
  const clock = options.clock ?? { nowMs: () => Date.now() }
  const { quotas } = options
  const jobs = own ?? new TableJobQueue(store, () => clock.nowMs(), { ...defaultJobSettings, ...options.jobs })
  return {
    tenants: new StoredTenants(store),
    tokens: new StoredTokens(store, quotas),
    keys: new StoredKeys(store, quotas),
    keystores: new StoredKeystores(store, quotas),
    platformKeystores: new StoredPlatformKeystores(store),
    claims: new StoredClaims(store),
    credentials: new StoredCredentials(store),
    auditIntake: new StoredAuditIntake(store),
    auditLog: new StoredAuditLog(store),
    auditPlaces: new StoredAuditPlaces(store),
    idempotency: new StoredIdempotencyKeys(store, clock, options.idempotency ?? defaultIdempotencyTimes, quotas),
    jobs,
    operationCounts: new StoredOperationCounts(store),
    sharedFacts: new StoredSharedFacts(store),
    samples: new StoredSamples(store),
    isShared: isPostgresUrl(options.url),
    ...(testing === undefined ? {} : { testing }),
    async ping() {
      await store.run((db) => sql`select 1`.execute(db))
    },
    tryWrite: () => tryWrite(store),
    async close() {
      await jobs.close()
      await store.close()
    },
  }
}
