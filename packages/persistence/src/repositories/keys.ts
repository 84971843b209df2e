import type { PreparedAuditEntry } from "@apeiro-cmk/audit-log"
import type { Page } from "@apeiro-cmk/host-call"
import type {
  KeyRepository,
  ServiceKeyList,
  ServiceKeyRecord,
  StoredTenantKey,
  TenantKeyRecord,
  TenantKeyWrap,
} from "@apeiro-cmk/key-hierarchy"
import type { Kysely } from "kysely"
import { decodeBytes, encodeBytes } from "../encoding.ts"
import { restating } from "../errors.ts"
import { lockTenant, requireQuota, type TenantQuotas } from "../quotas.ts"
import type { Schema } from "../schema.ts"
import type { Store } from "../store.ts"
import { insertAuditEntries } from "./audit-intake.ts"

/** Stores tenant keys with their wraps, and service keys. */
export class StoredKeys implements KeyRepository, ServiceKeyList {
  readonly #store: Store
  readonly #serviceKeyQuota: number | undefined

  constructor(store: Store, quotas: TenantQuotas | undefined) {
    this.#store = store
    this.#serviceKeyQuota = quotas?.serviceKeys
  }

  async custody(tenantId: string) {
    const row = await this.#store.run((db) =>
      db.selectFrom("tenants").select(["epoch", "lease_ms"]).where("tenant_id", "=", tenantId).executeTakeFirst(),
    )
    return row === undefined ? undefined : { epoch: row.epoch, leaseMs: row.lease_ms }
  }

  async activeTenantKey(tenantId: string) {
    return this.#store.transaction(async (transaction) => {
      const row = await transaction
        .selectFrom("tenant_keys")
        .selectAll()
        .where("tenant_id", "=", tenantId)
        .where("state", "=", "Active")
        .orderBy("created_at_ms", "desc")
        .orderBy("version", "desc")
        .limit(1)
        .executeTakeFirst()
      return row === undefined ? undefined : withWraps(transaction, tenantKeyRecord(row))
    })
  }

  async tenantKey(tenantId: string, keyId: string, version: number) {
    return this.#store.transaction(async (transaction) => {
      const row = await transaction
        .selectFrom("tenant_keys")
        .selectAll()
        .where("tenant_id", "=", tenantId)
        .where("key_id", "=", keyId)
        .where("version", "=", version)
        .executeTakeFirst()
      return row === undefined ? undefined : withWraps(transaction, tenantKeyRecord(row))
    })
  }

  async tenantKeys(tenantId: string) {
    return this.#store.transaction(async (transaction) => {
      const rows = await transaction
        .selectFrom("tenant_keys")
        .selectAll()
        .where("tenant_id", "=", tenantId)
        .orderBy("created_at_ms")
        .orderBy("version")
        .execute()
      const wraps = (await wrapRows(transaction, tenantId).execute()).map(tenantKeyWrap)
      return rows.map(tenantKeyRecord).map((key) => ({
        key,
        wraps: wraps.filter((wrap) => wrap.keyId === key.keyId && wrap.keyVersion === key.version),
      }))
    })
  }

  async serviceKeyByName(tenantId: string, name: string) {
    const row = await this.#store.run((db) =>
      db
        .selectFrom("service_keys")
        .selectAll()
        .where("tenant_id", "=", tenantId)
        .where("name", "=", name)
        .orderBy("version", "desc")
        .limit(1)
        .executeTakeFirst(),
    )
    return row === undefined ? undefined : serviceKeyRecord(row)
  }

  async serviceKey(tenantId: string, serviceKeyId: string, version: number) {
    const row = await this.#store.run((db) =>
      db
        .selectFrom("service_keys")
        .selectAll()
        .where("tenant_id", "=", tenantId)
        .where("service_key_id", "=", serviceKeyId)
        .where("version", "=", version)
        .executeTakeFirst(),
    )
    return row === undefined ? undefined : serviceKeyRecord(row)
  }

  async serviceKeys(tenantId: string) {
    const rows = await this.#store.run((db) =>
      db
        .selectFrom("service_keys")
        .selectAll()
        .where("tenant_id", "=", tenantId)
        .orderBy("name")
        .orderBy("version")
        .execute(),
    )
    return rows.map(serviceKeyRecord)
  }

  async serviceKeyPage(tenantId: string, { after = ["", 0], limit }: Page<readonly [name: string, version: number]>) {
    const rows = await this.#store.run((db) =>
      db
        .selectFrom("service_keys")
        .selectAll()
        .where("tenant_id", "=", tenantId)
        .where((row) => row(row.refTuple("name", "version"), ">", row.tuple(...after)))
        .orderBy("name")
        .orderBy("version")
        .limit(limit)
        .execute(),
    )
    return rows.map(serviceKeyRecord)
  }

  async insertServiceKey(record: ServiceKeyRecord, audit: readonly PreparedAuditEntry[]) {
    await restating(
      {
        ALREADY_EXISTS: `The tenant already has version ${record.version} of a service key "${record.name}".`,
        NOT_FOUND: "The tenant key that wraps this service key does not exist.",
      },
      () =>
        this.#store.transaction(async (transaction) => {
          await lockTenant(transaction, record.tenantId)
          await transaction.insertInto("service_keys").values(serviceKeyRow(record)).execute()
          if (this.#serviceKeyQuota !== undefined) {
            requireQuota("service keys", await serviceKeyCount(transaction, record.tenantId), this.#serviceKeyQuota)
          }
          await insertAuditEntries(transaction, audit)
        }, "read committed"),
    )
  }
}

async function serviceKeyCount(db: Kysely<Schema>, tenantId: string): Promise<number> {
  const { rows } = await db
    .selectFrom("service_keys")
    .select((row) => row.fn.countAll<number>().as("rows"))
    .where("tenant_id", "=", tenantId)
    .executeTakeFirstOrThrow()
  return Number(rows)
}

/** Stores a version of a tenant key and its wraps inside the transaction of the caller. */
export async function insertTenantKey(
  db: Kysely<Schema>,
  { key, wraps }: Pick<StoredTenantKey, "key" | "wraps">,
): Promise<void> {
  await db
    .insertInto("tenant_keys")
    .values({
      tenant_id: key.tenantId,
      key_id: key.keyId,
      version: key.version,
      state: key.state,
      commitment: encodeBytes(key.commitment),
      created_at_ms: key.createdAtMs,
    })
    .execute()
  for (const wrap of wraps) {
    await db
      .insertInto("tenant_key_wraps")
      .values({
        tenant_id: wrap.tenantId,
        key_id: wrap.keyId,
        key_version: wrap.keyVersion,
        keystore_id: wrap.keystoreId,
        l1_key_id: wrap.l1KeyId,
        l1_key_identity: wrap.l1KeyIdentity,
        l1_key_version: wrap.l1KeyVersion,
        ciphertext: encodeBytes(wrap.ciphertext),
        state: wrap.state,
        created_at_ms: wrap.createdAtMs,
        audit_entry_id: wrap.auditEntryId,
      })
      .execute()
  }
}

async function withWraps(db: Kysely<Schema>, key: TenantKeyRecord): Promise<StoredTenantKey> {
  const rows = await wrapRows(db, key.tenantId)
    .where("key_id", "=", key.keyId)
    .where("key_version", "=", key.version)
    .execute()
  return { key, wraps: rows.map(tenantKeyWrap) }
}

/** Selects the wraps of a tenant, oldest first. */
function wrapRows(db: Kysely<Schema>, tenantId: string) {
  return db
    .selectFrom("tenant_key_wraps")
    .selectAll()
    .where("tenant_id", "=", tenantId)
    .orderBy("created_at_ms")
    .orderBy("audit_entry_id")
}

function tenantKeyRecord(row: Schema["tenant_keys"]): TenantKeyRecord {
  return {
    tenantId: row.tenant_id,
    keyId: row.key_id,
    version: row.version,
    state: row.state,
    commitment: decodeBytes(row.commitment),
    createdAtMs: row.created_at_ms,
  }
}

function tenantKeyWrap(row: Schema["tenant_key_wraps"]): TenantKeyWrap {
  return {
    tenantId: row.tenant_id,
    keyId: row.key_id,
    keyVersion: row.key_version,
    keystoreId: row.keystore_id,
    l1KeyId: row.l1_key_id,
    l1KeyIdentity: row.l1_key_identity,
    l1KeyVersion: row.l1_key_version,
    ciphertext: decodeBytes(row.ciphertext),
    state: row.state,
    createdAtMs: row.created_at_ms,
    auditEntryId: row.audit_entry_id,
  }
}

function serviceKeyRecord(row: Schema["service_keys"]): ServiceKeyRecord {
  return {
    tenantId: row.tenant_id,
    serviceKeyId: row.service_key_id,
    name: row.name,
    version: row.version,
    state: row.state,
    parentKeyId: row.parent_key_id,
    parentKeyVersion: row.parent_key_version,
    envelope: decodeBytes(row.envelope),
    createdAtMs: row.created_at_ms,
  }
}

function serviceKeyRow(record: ServiceKeyRecord): Schema["service_keys"] {
  return {
    tenant_id: record.tenantId,
    service_key_id: record.serviceKeyId,
    version: record.version,
    name: record.name,
    state: record.state,
    parent_key_id: record.parentKeyId,
    parent_key_version: record.parentKeyVersion,
    envelope: encodeBytes(record.envelope),
    created_at_ms: record.createdAtMs,
  }
}
