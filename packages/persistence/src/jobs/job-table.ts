import { randomUUID } from "node:crypto"
import type { JsonValue } from "@apeiro-cmk/plugin-interface"
import type { Kysely } from "kysely"
import * as z from "zod"
import { decodeJson } from "../encoding.ts"
import type { Schema } from "../schema.ts"
import type { Store } from "../store.ts"
import { type JobRecord, type JobSettings, longestRetryMs } from "./job-queue.ts"

/** Retention of jobs that are done, in milliseconds. */
const doneRetentionMs = 7 * 24 * 60 * 60 * 1000
const mostDeadJobs = 1000

/** Reads and writes the table of the queue on SQLite. */
export class JobTable {
  readonly #store: Store
  readonly #nowMs: () => number
  readonly #settings: JobSettings

  constructor(store: Store, nowMs: () => number, settings: JobSettings) {
    this.#store = store
    this.#nowMs = nowMs
    this.#settings = settings
  }

  /** Stores a job. @returns id of the new job, or of the live job with this key */
  async insert(name: string, payload: JsonValue, key: string | undefined): Promise<string> {
    const jobId = randomUUID()
    const nowMs = this.#nowMs()
    return this.#store.transaction(async (db) => {
      await db
        .deleteFrom("jobs")
        .where("state", "=", "done")
        .where("ended_at_ms", "<=", nowMs - doneRetentionMs)
        .execute()
      const live = key === undefined ? undefined : await liveJob(db, name, key)
      if (live !== undefined) return live
      await db
        .insertInto("jobs")
        .values({
          ...{ job_id: jobId, name, job_key: key ?? null, live_key: key ?? null, payload: JSON.stringify(payload) },
          ...{ state: "queued", attempt: 0, run_at_ms: nowMs, failure: null, created_at_ms: nowMs, ended_at_ms: null },
        })
        .execute()
      return jobId
    })
  }

  /**
   * Fails the runs that were active when the host died: no other host holds the file, so none of them can be running.
   */
  async failOrphans(): Promise<void> {
    const orphans = await this.#store.run((db) =>
      db.selectFrom("jobs").selectAll().where("state", "=", "active").execute(),
    )
    for (const { job_id, attempt } of orphans) await this.fail(job_id, attempt, "the host ended")
  }

  /** Begins the next run that is due. @returns undefined when none is due */
  async claim(name: string): Promise<JobRecord | undefined> {
    const nowMs = this.#nowMs()
    return this.#store.transaction(async (db) => {
      const due = await db
        .selectFrom("jobs")
        .select("job_id")
        .where("name", "=", name)
        .where("state", "=", "queued")
        .where("run_at_ms", "<=", nowMs)
        .orderBy("run_at_ms")
        .orderBy("created_at_ms")
        .limit(1)
        .executeTakeFirst()
      if (due === undefined) return undefined
      const row = await db
        .updateTable("jobs")
        .set((job) => ({ state: "active", attempt: job("attempt", "+", 1) }))
        .where("job_id", "=", due.job_id)
        .returningAll()
        .executeTakeFirstOrThrow()
      return jobRecord(row)
    })
  }

  /** Marks the job as done. Does nothing when a later run has begun. */
  async complete(jobId: string, attempt: number): Promise<void> {
    await this.#end(jobId, attempt, { state: "done", live_key: null, failure: null, ended_at_ms: this.#nowMs() })
  }

  /** Queues the job again after a pause, or declares it dead. Does nothing when a later run has begun. */
  async fail(jobId: string, attempt: number, failure: string): Promise<void> {
    const nowMs = this.#nowMs()
    const { maximumAttempts, firstRetryMs } = this.#settings
    const pauseMs = Math.min(firstRetryMs * 2 ** (attempt - 1), longestRetryMs)
    await this.#end(
      jobId,
      attempt,
      attempt >= maximumAttempts
        ? { state: "dead", live_key: null, failure, ended_at_ms: nowMs }
        : { state: "queued", run_at_ms: nowMs + pauseMs, failure },
    )
  }

  async job(name: string, jobId: string): Promise<JobRecord | undefined> {
    const row = await this.#store.run((db) =>
      db.selectFrom("jobs").selectAll().where("name", "=", name).where("job_id", "=", jobId).executeTakeFirst(),
    )
    return row === undefined ? undefined : jobRecord(row)
  }

  async deadJobs(name: string): Promise<readonly JobRecord[]> {
    const rows = await this.#store.run((db) =>
      db
        .selectFrom("jobs")
        .selectAll()
        .where("name", "=", name)
        .where("state", "=", "dead")
        .orderBy("created_at_ms")
        .limit(mostDeadJobs)
        .execute(),
    )
    return rows.map(jobRecord)
  }

  async #end(jobId: string, attempt: number, change: Partial<Schema["jobs"]>): Promise<void> {
    await this.#store.run((db) =>
      db
        .updateTable("jobs")
        .set(change)
        .where("job_id", "=", jobId)
        .where("attempt", "=", attempt)
        .where("state", "=", "active")
        .execute(),
    )
  }
}

async function liveJob(db: Kysely<Schema>, name: string, key: string): Promise<string | undefined> {
  const row = await db
    .selectFrom("jobs")
    .select("job_id")
    .where("name", "=", name)
    .where("live_key", "=", key)
    .executeTakeFirst()
  return row?.job_id
}

function jobRecord(row: Schema["jobs"]): JobRecord {
  return {
    jobId: row.job_id,
    name: row.name,
    ...(row.job_key === null ? {} : { key: row.job_key }),
    payload: decodeJson(z.json(), row.payload, "jobs.payload"),
    state: row.state,
    attempt: row.attempt,
    ...(row.failure === null ? {} : { failure: row.failure }),
  }
}
