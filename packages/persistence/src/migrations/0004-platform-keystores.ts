import type { Kysely } from "kysely"

/** Creates the table of keystores that the platform makes for tenants on its own server. */
export async function platformKeystores(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("platform_keystores")
    .addColumn("tenant_id", "text", (column) => column.notNull().references("tenants.tenant_id"))
    .addColumn("keystore_id", "text", (column) => column.notNull())
    .addColumn("plugin_type", "text", (column) => column.notNull())
    .addColumn("state", "text", (column) => column.notNull())
    .addColumn("configuration", "text")
    .addColumn("failure", "text")
    .addColumn("requested_by", "text", (column) => column.notNull())
    .addColumn("requested_at_ms", "bigint", (column) => column.notNull())
    .addColumn("updated_at_ms", "bigint", (column) => column.notNull())
    .addPrimaryKeyConstraint("platform_keystores_key", ["tenant_id", "keystore_id"])
    .execute()
}
