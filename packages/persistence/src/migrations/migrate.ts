import { type Kysely, sql } from "kysely"
import { DEFAULT_MIGRATION_LOCK_TABLE, DEFAULT_MIGRATION_TABLE, type Migration, Migrator } from "kysely/migration"
import { isPersistenceError, persistenceError } from "../errors.ts"
import { firstSchema } from "./0001-first-schema.ts"
import { jobs } from "./0002-jobs.ts"
import { sharedFacts } from "./0003-shared-facts.ts"
import { platformKeystores } from "./0004-platform-keystores.ts"
import { operationCounts } from "./0005-operation-counts.ts"
import { idempotencyKeysByTenant } from "./0006-idempotency-keys-by-tenant.ts"
import { operationShares } from "./0007-operation-shares.ts"
import { claimIds } from "./0008-claim-ids.ts"
import { writeTrial } from "./0009-write-trial.ts"
import { keyRemovals } from "./0010-key-removals.ts"

/** All migrations, in the order of their names. Forward only: there is no `down`. A released one never changes. */
const migrations: Readonly<Record<string, Migration>> = {
  "0001-first-schema": { up: firstSchema },
  "0002-jobs": { up: jobs },
  "0003-shared-facts": { up: sharedFacts },
  "0004-platform-keystores": { up: platformKeystores },
  "0005-operation-counts": { up: operationCounts },
  "0006-idempotency-keys-by-tenant": { up: idempotencyKeysByTenant },
  "0007-operation-shares": { up: operationShares },
  "0008-claim-ids": { up: claimIds },
  "0009-write-trial": { up: writeTrial },
  "0010-key-removals": { up: keyRemovals },
}

const migrationTables: readonly string[] = [DEFAULT_MIGRATION_TABLE, DEFAULT_MIGRATION_LOCK_TABLE]

/**
 * Brings the schema to this program's version, in one transaction; does nothing when it is already there.
 *
 * @param schemaName - schema of the tables, on an engine that has schemas; tables in other schemas are ignored
 * @returns the names of the migrations that ran
 * @throws {PersistenceError} SCHEMA_NEWER - a migration that this program does not know ran on this database
 * @throws {PersistenceError} DATABASE_CORRUPT - the database contains tables of another program
 */
export async function migrate<Tables>(
  db: Kysely<Tables>,
  databaseName: string,
  schemaName?: string,
): Promise<readonly string[]> {
  await refuseForeignSchema(db, databaseName, schemaName)
  const migrator = new Migrator({ db, provider: { getMigrations: async () => ({ ...migrations }) } })
  const { error, results } = await migrator.migrateToLatest()
  if (error !== undefined) {
    if (isPersistenceError(error)) throw error
    throw persistenceError("DATABASE_FAULT", `The schema of ${databaseName} could not be brought up to date.`, error)
  }
  return (results ?? []).map((result) => result.migrationName)
}

async function refuseForeignSchema<Tables>(
  db: Kysely<Tables>,
  databaseName: string,
  schemaName: string | undefined,
): Promise<void> {
  const everyTable = await db.introspection.getTables({ withInternalKyselyTables: true })
  const tables = everyTable.filter(({ schema }) => schema === schemaName)
  if (tables.length === 0) return
  if (!tables.some(({ name }) => name === DEFAULT_MIGRATION_TABLE)) {
    throw persistenceError("DATABASE_CORRUPT", `The database ${databaseName} belongs to another program.`)
  }
  const { rows: executed } = await sql<{
    name: string
  }>`select name from ${sql.table(DEFAULT_MIGRATION_TABLE)}`.execute(db)
  const unknown = executed.map(({ name }) => name).filter((name) => !Object.hasOwn(migrations, name))
  if (unknown.length > 0) {
    throw persistenceError(
      "SCHEMA_NEWER",
      `The database ${databaseName} was last used by a newer version of this program (${unknown.toSorted().join(", ")}).`,
    )
  }
  const leftOver = tables.filter(({ name }) => !migrationTables.includes(name))
  if (executed.length === 0 && leftOver.length > 0) {
    throw persistenceError("DATABASE_CORRUPT", `The database ${databaseName} belongs to another program.`)
  }
}
