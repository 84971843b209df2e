import type { Kysely } from "kysely"

/** What the hosts of one database must agree on; the first one says it. */
export async function sharedFacts(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("shared_facts")
    .addColumn("name", "text", (column) => column.primaryKey())
    .addColumn("value", "text", (column) => column.notNull())
    .execute()
}
