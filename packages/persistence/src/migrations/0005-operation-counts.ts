import type { Kysely } from "kysely"

/** How many operations of a keystore's budget the hosts have taken in its newest hour. */
export async function operationCounts(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("operation_counts")
    .addColumn("tenant_id", "text", (column) => column.notNull().references("tenants.tenant_id"))
    .addColumn("keystore_id", "text", (column) => column.notNull())
    .addColumn("hour", "bigint", (column) => column.notNull())
    .addColumn("taken", "bigint", (column) => column.notNull())
    .addPrimaryKeyConstraint("operation_counts_key", ["tenant_id", "keystore_id"])
    .execute()
}
