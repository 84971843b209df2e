import type { PreparedAuditEntry } from "@apeiro-cmk/audit-log"
import type { Page } from "@apeiro-cmk/host-call"
import type {
  PlatformKeystoreChange,
  PlatformKeystoreRecord,
  PlatformKeystoreRemoval,
  PlatformKeystoreRepository,
  PlatformKeystoreState,
  PlatformKeystoreTarget,
} from "@apeiro-cmk/keystore-manager"
import { errorOrigins } from "@apeiro-cmk/plugin-interface"
import type { Kysely } from "kysely"
import * as z from "zod"
import { decodeJson } from "../encoding.ts"
import { persistenceError, restating } from "../errors.ts"
import type { Schema } from "../schema.ts"
import type { Store } from "../store.ts"
import { insertAuditEntries } from "./audit-intake.ts"
import { beginKeyRemoval, endKeyRemoval } from "./key-removals.ts"

const configurationColumn = z.record(z.string(), z.json())
const actorColumn = z.strictObject({ type: z.enum(["administrator", "token", "host", "anonymous"]), id: z.string() })
/** Reads an origin: records from before the origin was called `backend` say `keystore`. */
const originColumn = z
  .enum([...errorOrigins, "keystore"])
  .transform((origin) => (origin === "keystore" ? "backend" : origin))
const failureColumn = z.strictObject({
  code: z.string(),
  origin: originColumn,
  message: z.string(),
  nextStep: z.string(),
})

/** Stores keystores that the platform makes for tenants. */
export class StoredPlatformKeystores implements PlatformKeystoreRepository {
  readonly #store: Store

  constructor(store: Store) {
    this.#store = store
  }

  async platformKeystore({ tenantId, keystoreId }: PlatformKeystoreTarget) {
    const row = await this.#store.run((db) =>
      db
        .selectFrom("platform_keystores")
        .selectAll()
        .where("tenant_id", "=", tenantId)
        .where("keystore_id", "=", keystoreId)
        .executeTakeFirst(),
    )
    return row === undefined ? undefined : platformKeystoreRecord(row)
  }

  async platformKeystores({ after = ["", ""], limit }: Page<readonly [tenantId: string, keystoreId: string]>) {
    const rows = await this.#store.run((db) =>
      db
        .selectFrom("platform_keystores")
        .selectAll()
        .where((row) => row(row.refTuple("tenant_id", "keystore_id"), ">", row.tuple(...after)))
        .orderBy("tenant_id")
        .orderBy("keystore_id")
        .limit(limit)
        .execute(),
    )
    return rows.map(platformKeystoreRecord)
  }

  async insertPlatformKeystore(record: PlatformKeystoreRecord, audit: readonly PreparedAuditEntry[]) {
    const exists = `The tenant already has a platform keystore "${record.keystoreId}".`
    const messages = { ALREADY_EXISTS: exists, NOT_FOUND: `There is no tenant "${record.tenantId}".` }
    await restating(messages, () =>
      this.#store.transaction(async (transaction) => {
        const { tenantId, keystoreId, pluginType, requestedAtMs } = record
        const columns = {
          ...{ plugin_type: pluginType, requested_at_ms: requestedAtMs },
          ...changedColumns(record),
          requested_by: JSON.stringify(record.requestedBy),
        }
        const { numInsertedOrUpdatedRows } = await transaction
          .insertInto("platform_keystores")
          .values({ tenant_id: tenantId, keystore_id: keystoreId, configuration: null, ...columns })
          .onConflict((conflict) =>
            conflict
              .columns(["tenant_id", "keystore_id"])
              .doUpdateSet(columns)
              .where("platform_keystores.state", "=", "failed"),
          )
          .executeTakeFirstOrThrow()
        if (numInsertedOrUpdatedRows !== 1n) throw persistenceError("ALREADY_EXISTS", exists)
        await insertAuditEntries(transaction, audit)
      }),
    )
  }

  async changePlatformKeystore(
    target: PlatformKeystoreTarget,
    from: PlatformKeystoreState,
    change: PlatformKeystoreChange,
    audit: readonly PreparedAuditEntry[],
  ) {
    return this.#store.transaction((transaction) => changeFrom(transaction, target, from, change, audit))
  }

  async beginPlatformKeystoreRemoval(
    target: PlatformKeystoreTarget,
    from: PlatformKeystoreState,
    removal: PlatformKeystoreRemoval,
    change: PlatformKeystoreChange,
    audit: readonly PreparedAuditEntry[],
  ) {
    return this.#store.transaction(async (transaction) => {
      if (!(await changeFrom(transaction, target, from, change, audit))) return false
      await beginKeyRemoval(transaction, removal, change.updatedAtMs)
      return true
    })
  }

  async deletePlatformKeystore(
    { tenantId, keystoreId }: PlatformKeystoreTarget,
    removal: PlatformKeystoreRemoval,
    audit: readonly PreparedAuditEntry[],
  ) {
    return this.#store.transaction(async (transaction) => {
      const { numDeletedRows } = await transaction
        .deleteFrom("platform_keystores")
        .where("tenant_id", "=", tenantId)
        .where("keystore_id", "=", keystoreId)
        .where("state", "=", "removing")
        .executeTakeFirst()
      if (numDeletedRows !== 1n) return false
      await endKeyRemoval(transaction, removal)
      await insertAuditEntries(transaction, audit)
      return true
    })
  }
}

async function changeFrom(
  db: Kysely<Schema>,
  { tenantId, keystoreId }: PlatformKeystoreTarget,
  from: PlatformKeystoreState,
  change: PlatformKeystoreChange,
  audit: readonly PreparedAuditEntry[],
): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable("platform_keystores")
    .set(changedColumns(change))
    .where("tenant_id", "=", tenantId)
    .where("keystore_id", "=", keystoreId)
    .where("state", "=", from)
    .executeTakeFirst()
  if (numUpdatedRows !== 1n) return false
  await insertAuditEntries(db, audit)
  return true
}

function changedColumns({ state, failure, updatedAtMs, configuration, requestedBy }: PlatformKeystoreChange) {
  return {
    state,
    failure: failure === undefined ? null : JSON.stringify(failure),
    updated_at_ms: updatedAtMs,
    ...(configuration === undefined ? {} : { configuration: JSON.stringify(configuration) }),
    ...(requestedBy === undefined ? {} : { requested_by: JSON.stringify(requestedBy) }),
  }
}

function platformKeystoreRecord(row: Schema["platform_keystores"]): PlatformKeystoreRecord {
  const column = <S extends z.ZodType>(schema: S, name: "configuration" | "failure", text: string) =>
    decodeJson(schema, text, `platform_keystores.${name}`)
  return {
    tenantId: row.tenant_id,
    keystoreId: row.keystore_id,
    pluginType: row.plugin_type,
    state: row.state,
    ...(row.configuration === null
      ? {}
      : { configuration: column(configurationColumn, "configuration", row.configuration) }),
    ...(row.failure === null ? {} : { failure: column(failureColumn, "failure", row.failure) }),
    requestedBy: decodeJson(actorColumn, row.requested_by, "platform_keystores.requested_by"),
    requestedAtMs: row.requested_at_ms,
    updatedAtMs: row.updated_at_ms,
  }
}
