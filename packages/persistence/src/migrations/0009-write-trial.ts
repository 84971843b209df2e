import type { Kysely } from "kysely"

/** Creates the table of one row that a host writes in order to see whether the database still takes changes. */
export async function writeTrial(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("write_trial")
    .addColumn("trial", "integer", (column) => column.primaryKey())
    .addColumn("filler", "text", (column) => column.notNull())
    .execute()
}
