import type { Kysely } from "kysely"

/** Creates the tables for tenants, keystores, keys, the audit log and idempotency keys. */
export async function firstSchema(db: Kysely<unknown>): Promise<void> {
  await createTenants(db)
  await createKeystores(db)
  await createTenantKeys(db)
  await createTenantKeyWraps(db)
  await createServiceKeys(db)
  await createAuditLog(db)
  await createIdempotencyKeys(db)
}

async function createTenants(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("tenants")
    .addColumn("tenant_id", "text", (column) => column.primaryKey())
    .addColumn("display_name", "text", (column) => column.notNull())
    .addColumn("created_at_ms", "bigint", (column) => column.notNull())
    .addColumn("state", "text", (column) => column.notNull())
    .addColumn("custody_mode", "text", (column) => column.notNull())
    .addColumn("lease_ms", "bigint", (column) => column.notNull())
    .addColumn("epoch", "bigint", (column) => column.notNull())
    // How long a lease may outlive an unreachable keystore, and what a sealed keystore means; null: the mode's default.
    .addColumn("grace_ms", "bigint")
    .addColumn("sealed_meaning", "text")
    // The latch: set after a denial by an L1 that counts, with the error code and the key concerned.
    .addColumn("latched_at_ms", "bigint")
    .addColumn("latch_code", "text")
    .addColumn("latch_keystore_id", "text")
    .addColumn("latch_key_identity", "text")
    .execute()
  await db.schema
    .createTable("tokens")
    .addColumn("token_id", "text", (column) => column.primaryKey())
    .addColumn("tenant_id", "text", (column) => column.notNull().references("tenants.tenant_id"))
    .addColumn("role", "text", (column) => column.notNull())
    .addColumn("hash", "text", (column) => column.notNull().unique())
    .addColumn("created_at_ms", "bigint", (column) => column.notNull())
    .addColumn("expires_at_ms", "bigint", (column) => column.notNull())
    .addColumn("revoked_at_ms", "bigint")
    .execute()
  await db.schema.createIndex("tokens_by_tenant").on("tokens").columns(["tenant_id", "token_id"]).execute()
  // An act that needs two people: one requests it, and another subject approves it.
  await db.schema
    .createTable("approvals")
    .addColumn("approval_id", "text", (column) => column.primaryKey())
    .addColumn("tenant_id", "text", (column) => column.notNull().references("tenants.tenant_id"))
    .addColumn("action", "text", (column) => column.notNull())
    .addColumn("resource_id", "text", (column) => column.notNull())
    .addColumn("state", "text", (column) => column.notNull())
    .addColumn("requested_by", "text", (column) => column.notNull())
    .addColumn("requested_at_ms", "bigint", (column) => column.notNull())
    .addColumn("expires_at_ms", "bigint", (column) => column.notNull())
    .addColumn("decided_by", "text")
    .addColumn("decided_at_ms", "bigint")
    .execute()
}

async function createKeystores(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("keystores")
    .addColumn("tenant_id", "text", (column) => column.notNull().references("tenants.tenant_id"))
    .addColumn("keystore_id", "text", (column) => column.notNull())
    .addColumn("plugin_type", "text", (column) => column.notNull())
    .addColumn("configuration", "text", (column) => column.notNull())
    .addColumn("credential_fields", "text", (column) => column.notNull())
    .addColumn("state", "text", (column) => column.notNull())
    .addColumn("position", "integer")
    .addColumn("key_identity", "text")
    // Set after a denial by the L1: the keystore is then out of service as a fallback.
    .addColumn("withdrawn_at_ms", "bigint")
    .addColumn("withdrawn_code", "text")
    .addColumn("revision", "bigint", (column) => column.notNull())
    .addColumn("created_at_ms", "bigint", (column) => column.notNull())
    .addColumn("updated_at_ms", "bigint", (column) => column.notNull())
    .addPrimaryKeyConstraint("keystores_key", ["tenant_id", "keystore_id"])
    // Inactive keystores have no position, and nulls are never equal: so a tenant has one primary, on every engine.
    .addUniqueConstraint("keystores_position", ["tenant_id", "position"])
    .execute()
  await db.schema
    .createTable("credentials")
    .addColumn("tenant_id", "text", (column) => column.notNull())
    .addColumn("keystore_id", "text", (column) => column.notNull())
    .addColumn("name", "text", (column) => column.notNull())
    .addColumn("version", "bigint", (column) => column.notNull())
    .addColumn("sealed", "text", (column) => column.notNull())
    .addColumn("created_at_ms", "bigint", (column) => column.notNull())
    .addPrimaryKeyConstraint("credentials_key", ["tenant_id", "keystore_id", "name", "version"])
    .addForeignKeyConstraint("credentials_keystore", ["tenant_id", "keystore_id"], "keystores", [
      "tenant_id",
      "keystore_id",
    ])
    .execute()
  await db.schema
    .createTable("l1_claims")
    .addColumn("plugin_type", "text", (column) => column.notNull())
    .addColumn("key_identity", "text", (column) => column.notNull())
    .addColumn("tenant_id", "text", (column) => column.notNull().references("tenants.tenant_id"))
    .addColumn("claimed_at_ms", "bigint", (column) => column.notNull())
    .addPrimaryKeyConstraint("l1_claims_key", ["plugin_type", "key_identity"])
    .execute()
}

async function createTenantKeys(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("tenant_keys")
    .addColumn("tenant_id", "text", (column) => column.notNull().references("tenants.tenant_id"))
    .addColumn("key_id", "text", (column) => column.notNull())
    .addColumn("version", "bigint", (column) => column.notNull())
    .addColumn("state", "text", (column) => column.notNull())
    .addColumn("state_changed_at_ms", "bigint")
    .addColumn("commitment", "text", (column) => column.notNull())
    .addColumn("created_at_ms", "bigint", (column) => column.notNull())
    .addPrimaryKeyConstraint("tenant_keys_key", ["tenant_id", "key_id", "version"])
    .execute()
}

async function createTenantKeyWraps(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("tenant_key_wraps")
    .addColumn("tenant_id", "text", (column) => column.notNull())
    .addColumn("key_id", "text", (column) => column.notNull())
    .addColumn("key_version", "bigint", (column) => column.notNull())
    .addColumn("keystore_id", "text", (column) => column.notNull())
    .addColumn("l1_key_id", "text", (column) => column.notNull())
    .addColumn("l1_key_identity", "text", (column) => column.notNull())
    .addColumn("l1_key_version", "text", (column) => column.notNull())
    .addColumn("ciphertext", "text", (column) => column.notNull())
    .addColumn("state", "text", (column) => column.notNull())
    .addColumn("state_changed_at_ms", "bigint")
    // Time of the last real decrypt: fallback wraps are tried regularly.
    .addColumn("last_opened_at_ms", "bigint")
    .addColumn("created_at_ms", "bigint", (column) => column.notNull())
    .addColumn("audit_entry_id", "text", (column) => column.notNull())
    .addPrimaryKeyConstraint("tenant_key_wraps_key", [
      "tenant_id",
      "key_id",
      "key_version",
      "keystore_id",
      "l1_key_identity",
      "l1_key_version",
    ])
    .addForeignKeyConstraint("tenant_key_wraps_tenant_key", ["tenant_id", "key_id", "key_version"], "tenant_keys", [
      "tenant_id",
      "key_id",
      "version",
    ])
    .addForeignKeyConstraint("tenant_key_wraps_keystore", ["tenant_id", "keystore_id"], "keystores", [
      "tenant_id",
      "keystore_id",
    ])
    .execute()
}

async function createServiceKeys(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("service_keys")
    .addColumn("tenant_id", "text", (column) => column.notNull())
    .addColumn("service_key_id", "text", (column) => column.notNull())
    .addColumn("version", "bigint", (column) => column.notNull())
    .addColumn("name", "text", (column) => column.notNull())
    .addColumn("state", "text", (column) => column.notNull())
    .addColumn("state_changed_at_ms", "bigint")
    .addColumn("parent_key_id", "text", (column) => column.notNull())
    .addColumn("parent_key_version", "bigint", (column) => column.notNull())
    .addColumn("envelope", "text", (column) => column.notNull())
    // Rotation shows these per version, because callers keep the envelopes of the data keys.
    .addColumn("issued_count", "bigint", (column) => column.notNull().defaultTo(0))
    .addColumn("last_unwrapped_at_ms", "bigint")
    .addColumn("created_at_ms", "bigint", (column) => column.notNull())
    .addPrimaryKeyConstraint("service_keys_key", ["tenant_id", "service_key_id", "version"])
    .addUniqueConstraint("service_keys_name", ["tenant_id", "name", "version"])
    .addForeignKeyConstraint(
      "service_keys_parent",
      ["tenant_id", "parent_key_id", "parent_key_version"],
      "tenant_keys",
      ["tenant_id", "key_id", "version"],
    )
    .execute()
}

async function createAuditLog(db: Kysely<unknown>): Promise<void> {
  // No reference to tenants: refused requests, and events that belong to no tenant, are recorded as well.
  await db.schema
    .createTable("audit_intake")
    .addColumn("entry_id", "text", (column) => column.primaryKey())
    .addColumn("tenant_id", "text", (column) => column.notNull())
    .addColumn("recorded_at_ms", "bigint", (column) => column.notNull())
    .addColumn("leaf", "text", (column) => column.notNull())
    .execute()
  await db.schema
    .createTable("audit_entries")
    .addColumn("tenant_id", "text", (column) => column.notNull())
    .addColumn("entry_index", "bigint", (column) => column.notNull())
    .addColumn("entry_id", "text", (column) => column.notNull().unique())
    .addColumn("recorded_at_ms", "bigint", (column) => column.notNull())
    .addColumn("leaf", "text", (column) => column.notNull())
    .addPrimaryKeyConstraint("audit_entries_key", ["tenant_id", "entry_index"])
    .execute()
  await db.schema
    .createTable("audit_heads")
    .addColumn("tenant_id", "text", (column) => column.primaryKey())
    .addColumn("size", "bigint", (column) => column.notNull())
    .addColumn("subtrees", "text", (column) => column.notNull())
    .execute()
  await db.schema
    .createTable("audit_sequencer")
    .addColumn("sequencer_id", "text", (column) => column.primaryKey())
    .addColumn("fence", "bigint", (column) => column.notNull())
    .addColumn("replica", "text", (column) => column.notNull())
    .execute()
}

async function createIdempotencyKeys(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("idempotency_keys")
    .addColumn("subject", "text", (column) => column.notNull())
    .addColumn("idempotency_key", "text", (column) => column.notNull())
    .addColumn("request_hash", "text", (column) => column.notNull())
    .addColumn("attempt", "bigint", (column) => column.notNull())
    .addColumn("begun_at_ms", "bigint", (column) => column.notNull())
    .addColumn("expires_at_ms", "bigint", (column) => column.notNull())
    .addColumn("response_status", "integer")
    .addColumn("response_body", "text")
    .addPrimaryKeyConstraint("idempotency_keys_key", ["subject", "idempotency_key"])
    .execute()
  await db.schema.createIndex("idempotency_keys_by_expiry").on("idempotency_keys").column("expires_at_ms").execute()
}
