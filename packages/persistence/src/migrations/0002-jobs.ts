import type { Kysely } from "kysely"

/** Creates the job queue of engines without their own; on PostgreSQL, pg-boss keeps jobs in a separate schema. */
export async function jobs(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("jobs")
    .addColumn("job_id", "text", (column) => column.primaryKey())
    .addColumn("name", "text", (column) => column.notNull())
    .addColumn("job_key", "text")
    // The key while the job is queued or active, and null afterwards, because nulls are never equal.
    .addColumn("live_key", "text")
    .addColumn("payload", "text", (column) => column.notNull())
    .addColumn("state", "text", (column) => column.notNull())
    .addColumn("attempt", "bigint", (column) => column.notNull())
    .addColumn("run_at_ms", "bigint", (column) => column.notNull())
    .addColumn("failure", "text")
    .addColumn("created_at_ms", "bigint", (column) => column.notNull())
    .addColumn("ended_at_ms", "bigint")
    .addUniqueConstraint("jobs_live_key", ["name", "live_key"])
    .execute()
  await db.schema.createIndex("jobs_by_state").on("jobs").columns(["name", "state", "run_at_ms"]).execute()
}
