import type { Kysely } from "kysely"

/** Adds the tenant to idempotency keys, so that its share of them can be bounded; keys of before belong to nobody. */
export async function idempotencyKeysByTenant(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable("idempotency_keys").addColumn("tenant_id", "text").execute()
  await db.schema.createIndex("idempotency_keys_by_tenant").on("idempotency_keys").column("tenant_id").execute()
}
