import type { Kysely } from "kysely"

/** Creates the counts of operations that the hosts have taken from a keystore's budget in its newest hour. */
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
