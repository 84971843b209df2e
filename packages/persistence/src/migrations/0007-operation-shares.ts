import type { Kysely } from "kysely"

/** Counts apart what other work than renewals of leases takes from a keystore's budget, so that renewals keep a share. */
export async function operationShares(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .alterTable("operation_counts")
    .addColumn("taken_by_other_work", "bigint", (column) => column.notNull().defaultTo(0))
    .execute()
}
