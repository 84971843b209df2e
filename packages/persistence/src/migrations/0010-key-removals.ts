import type { Kysely } from "kysely"

/** Creates the table of keys that are being destroyed: until they are gone, no tenant can claim one. */
export async function keyRemovals(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("key_removals")
    .addColumn("plugin_type", "text", (column) => column.notNull())
    .addColumn("identity_prefix", "text", (column) => column.notNull())
    .addColumn("began_at_ms", "bigint", (column) => column.notNull())
    .addPrimaryKeyConstraint("key_removals_key", ["plugin_type", "identity_prefix"])
    .execute()
}
