import type { Kysely } from "kysely"
import type { RunningJobQueue } from "./jobs/job-queue.ts"
import type { Schema } from "./schema.ts"
import type { DatabaseTesting } from "./testing.ts"

/** An open database with a schema that is up to date; closed by `db.destroy()`. */
export interface Engine {
  readonly db: Kysely<Schema>
  /** A queue that the database brings; without one a table serves. */
  readonly jobs?: RunningJobQueue
  /** Faults on demand, where they were asked for and this database has them. */
  readonly testing?: DatabaseTesting
}
