import type { Kysely } from "kysely"

/** Creates the table of facts on which the hosts of one database must agree; the first host states them. */
export async function sharedFacts(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("shared_facts")
    .addColumn("name", "text", (column) => column.primaryKey())
    .addColumn("value", "text", (column) => column.notNull())
    .execute()
}
