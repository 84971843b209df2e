import type { Kysely } from "kysely"
import type { RunningJobQueue } from "./jobs/job-queue.ts"
import type { Schema } from "./schema.ts"
import type { DatabaseTesting } from "./testing.ts"

/** An open database with an up-to-date schema; `db.destroy()` closes it. */
export interface Engine {
  readonly db: Kysely<Schema>
  /** The engine's own job queue; without one, a table serves. */
  readonly jobs?: RunningJobQueue
  /** Faults on demand, if requested and available on this engine. */
  readonly testing?: DatabaseTesting
}
