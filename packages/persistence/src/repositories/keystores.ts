import type { PreparedAuditEntry } from "@apeiro-cmk/audit-log"
import type { SealedCredential } from "@apeiro-cmk/credential-store"
import type { Page } from "@apeiro-cmk/host-call"
import type {
  KeystoreActivation,
  KeystoreRecord,
  KeystoreRepository,
  KeystoreRevision,
  KeystoreTarget,
} from "@apeiro-cmk/keystore-manager"
import type { Kysely } from "kysely"
import { persistenceError, restating } from "../errors.ts"
import { keystoreUsage, lockTenant, requireKeystoreQuotas, type TenantQuotas } from "../quotas.ts"
import type { Schema } from "../schema.ts"
import type { Store } from "../store.ts"
import { insertAuditEntries } from "./audit-intake.ts"
import { dropUnusedClaim } from "./claims.ts"
import { deleteCredentialsExcept, insertCredentials } from "./credentials.ts"
import { activateKeystore } from "./keystore-activation.ts"
import { configurationColumns, keystoreRecord, keystoreSummary, summaryColumns } from "./keystore-records.ts"

/** Stores keystores, their credentials and the claims on their L1 keys. */
export class StoredKeystores implements KeystoreRepository {
  readonly #store: Store
  readonly #quotas: TenantQuotas | undefined

  constructor(store: Store, quotas: TenantQuotas | undefined) {
    this.#store = store
    this.#quotas = quotas
  }

  async keystore(tenantId: string, keystoreId: string) {
    const row = await this.#store.run((db) => keystoreRow(db, tenantId, keystoreId))
    return row === undefined ? undefined : keystoreRecord(row)
  }

  async keystores(tenantId: string, { after = "", limit }: Page<string>) {
    const rows = await this.#store.run((db) =>
      db
        .selectFrom("keystores")
        .select(summaryColumns)
        .where("tenant_id", "=", tenantId)
        .where("keystore_id", ">", after)
        .orderBy("keystore_id")
        .limit(limit)
        .execute(),
    )
    return rows.map(keystoreSummary)
  }

  async activeKeystoreId(tenantId: string) {
    const row = await this.#store.run((db) =>
      db
        .selectFrom("keystores")
        .select("keystore_id")
        .where("tenant_id", "=", tenantId)
        .where("state", "=", "active")
        .executeTakeFirst(),
    )
    return row?.keystore_id
  }

  async keystoresOfType(pluginType: string, after: KeystoreTarget | undefined, limit: number) {
    const rows = await this.#store.run((db) =>
      db
        .selectFrom("keystores")
        .selectAll()
        .where("plugin_type", "=", pluginType)
        .$if(after !== undefined, (query) =>
          query.where((row) =>
            row(
              row.refTuple("tenant_id", "keystore_id"),
              ">",
              row.tuple(after?.tenantId ?? "", after?.keystoreId ?? ""),
            ),
          ),
        )
        .orderBy("tenant_id")
        .orderBy("keystore_id")
        .limit(limit)
        .execute(),
    )
    return rows.map(keystoreRecord)
  }

  async insertKeystore(
    record: KeystoreRecord,
    credentials: readonly SealedCredential[],
    audit: readonly PreparedAuditEntry[],
  ) {
    await restating(
      {
        ALREADY_EXISTS: `The tenant already has a keystore "${record.keystoreId}".`,
        NOT_FOUND: `There is no tenant "${record.tenantId}".`,
      },
      () =>
        this.#withinQuotas(record.tenantId, async (transaction) => {
          await transaction
            .insertInto("keystores")
            .values({
              tenant_id: record.tenantId,
              keystore_id: record.keystoreId,
              plugin_type: record.pluginType,
              // Only an activation, with a claim, makes it active.
              state: "inactive",
              position: null,
              key_identity: null,
              created_at_ms: record.createdAtMs,
              ...configurationColumns(record),
            })
            .execute()
          await insertCredentials(transaction, credentials)
          await insertAuditEntries(transaction, audit)
        }),
    )
  }

  async updateKeystore(
    record: KeystoreRecord,
    credentials: readonly SealedCredential[],
    audit: readonly PreparedAuditEntry[],
  ) {
    await this.#withinQuotas(record.tenantId, async (transaction) => {
      const { numUpdatedRows } = await transaction
        .updateTable("keystores")
        .set(configurationColumns(record))
        .where("tenant_id", "=", record.tenantId)
        .where("keystore_id", "=", record.keystoreId)
        .where("revision", "=", record.revision - 1)
        .where("created_at_ms", "=", record.createdAtMs)
        .executeTakeFirst()
      if (numUpdatedRows !== 1n) throw await whyUntouched(transaction, record.tenantId, record.keystoreId)
      await insertCredentials(transaction, credentials)
      await deleteCredentialsExcept(transaction, record.tenantId, record.keystoreId, record.credentials)
      await insertAuditEntries(transaction, audit)
    })
  }

  async deleteKeystore(
    { tenantId, keystoreId, revision, createdAtMs }: Pick<KeystoreRecord, "tenantId" | "keystoreId"> & KeystoreRevision,
    audit: readonly PreparedAuditEntry[],
  ) {
    await this.#store.transaction(async (transaction) => {
      const row = await keystoreRow(transaction, tenantId, keystoreId)
      if (row === undefined || row.revision !== revision || row.created_at_ms !== createdAtMs) {
        throw await whyUntouched(transaction, tenantId, keystoreId)
      }
      if (await wrapsTenantKey(transaction, tenantId, keystoreId)) {
        throw persistenceError("STILL_IN_USE", `The keystore "${keystoreId}" wraps a key of the tenant.`)
      }
      await deleteCredentialsExcept(transaction, tenantId, keystoreId, [])
      await transaction
        .deleteFrom("keystores")
        .where("tenant_id", "=", tenantId)
        .where("keystore_id", "=", keystoreId)
        .execute()
      await dropUnusedClaim(transaction, row)
      await insertAuditEntries(transaction, audit)
    })
  }

  async claimOwner(pluginType: string, keyIdentity: string) {
    const row = await this.#store.run((db) =>
      db
        .selectFrom("l1_claims")
        .select("tenant_id")
        .where("plugin_type", "=", pluginType)
        .where("key_identity", "=", keyIdentity)
        .executeTakeFirst(),
    )
    return row?.tenant_id
  }

  async activateKeystore(activation: KeystoreActivation, audit: readonly PreparedAuditEntry[]) {
    await this.#store.transaction((transaction) => activateKeystore(transaction, activation, audit))
  }

  /** Writes a keystore in a transaction of its own, in which no other one writes keystores of the tenant. */
  async #withinQuotas(tenantId: string, write: (transaction: Kysely<Schema>) => Promise<void>): Promise<void> {
    await this.#store.transaction(async (transaction) => {
      await lockTenant(transaction, tenantId)
      const before = await keystoreUsage(transaction, tenantId)
      await write(transaction)
      if (this.#quotas !== undefined) {
        requireKeystoreQuotas(before, await keystoreUsage(transaction, tenantId), this.#quotas)
      }
    }, "read committed")
  }
}

async function keystoreRow(
  db: Kysely<Schema>,
  tenantId: string,
  keystoreId: string,
): Promise<Schema["keystores"] | undefined> {
  return db
    .selectFrom("keystores")
    .selectAll()
    .where("tenant_id", "=", tenantId)
    .where("keystore_id", "=", keystoreId)
    .executeTakeFirst()
}

/** Explains why a write that names a revision found no row. */
async function whyUntouched(db: Kysely<Schema>, tenantId: string, keystoreId: string): Promise<Error> {
  if ((await keystoreRow(db, tenantId, keystoreId)) === undefined) {
    return persistenceError("NOT_FOUND", `The tenant has no keystore "${keystoreId}".`)
  }
  return persistenceError("STALE_REVISION", `The keystore "${keystoreId}" has changed in the meantime.`)
}

async function wrapsTenantKey(db: Kysely<Schema>, tenantId: string, keystoreId: string): Promise<boolean> {
  const wrap = await db
    .selectFrom("tenant_key_wraps")
    .select("key_id")
    .where("tenant_id", "=", tenantId)
    .where("keystore_id", "=", keystoreId)
    .limit(1)
    .executeTakeFirst()
  return wrap !== undefined
}
