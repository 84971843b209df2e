import type { JsonValue } from "@apeiro-cmk/plugin-interface"

/** One run of a job. */
export interface Job {
  readonly jobId: string
  readonly name: string
  /** As it was enqueued; absent where there was none. */
  readonly key?: string
  readonly payload: JsonValue
  /**
   * The fence of this run: 1, and one more with each run of the same job. A run that was given up may go on for a while
   * beside the next one, so **every write of a job carries its attempt** and is refused where a higher one has written.
   */
  readonly attempt: number
  /** Aborted when this run is given up: what it does after that counts for nothing. */
  readonly signal: AbortSignal
}

/** What became of a job. */
export interface JobRecord {
  readonly jobId: string
  readonly name: string
  readonly key?: string
  readonly payload: JsonValue
  /** `dead`: it failed as often as it may, and stays to be looked at. */
  readonly state: "queued" | "active" | "done" | "dead"
  /** Runs that have begun. */
  readonly attempt: number
  /** Code and message of the last failure; a stranger's error by its class alone. */
  readonly failure?: string
}

/** Works on the jobs of one name until it is stopped. */
export interface JobWorker {
  /** Takes no further job, and resolves when the one in progress has ended. Idempotent. */
  stop(): Promise<void>
}

/**
 * Work that outlives a request and a host.
 *
 * - **At least once.** A job is done when its handler resolves; a handler that rejects, takes too long or dies with its
 *   host is run again, after growing pauses, up to a bound. Then the job is dead and stays visible.
 * - **Correctness never rests on the queue.** A handler must bear being run twice, also at the same time as a run that was
 *   given up: it fences its writes with `attempt`.
 * - **One per key.** While a job with a key is queued or active, a second `enqueue` of the same name and key is that job.
 * - On PostgreSQL any host may run it (pg-boss); on SQLite the one host that has the file.
 *
 * ```ts
 * await database.jobs.enqueue("keystore-provision", { tenantId, keystoreId }, { key: `${tenantId}/${keystoreId}` })
 * const worker = await database.jobs.work("keystore-provision", async (job) => provision(job.payload, job.attempt, job.signal))
 * ```
 */
export interface JobQueue {
  /**
   * Stores a job; it is durable when this resolves.
   *
   * @param name - `^[a-z][a-z0-9-]{0,49}$`
   * @param payload - no secret: it is stored as it is
   * @param options.key - 1 to 200 characters
   * @returns the job: a new one, or the one with the same key that is queued or active
   * @throws {PersistenceError} DATABASE_FAULT - a malformed name or key
   * @throws {PersistenceError} DATABASE_UNAVAILABLE, DATABASE_BUSY, DATABASE_FULL
   */
  enqueue(name: string, payload: JsonValue, options?: { readonly key?: string }): Promise<{ readonly jobId: string }>
  /**
   * Runs jobs of a name, one after the other, as long as the worker is not stopped; several workers share the jobs.
   * @throws {PersistenceError} as `enqueue`
   */
  work(name: string, handler: (job: Job) => Promise<void>): Promise<JobWorker>
  /** @returns undefined where there is no such job, or it was done long ago */
  job(name: string, jobId: string): Promise<JobRecord | undefined>
  /** Jobs that failed as often as they may, oldest first; at most 1000. */
  deadJobs(name: string): Promise<readonly JobRecord[]>
}

/** A queue with its end. */
export interface RunningJobQueue extends JobQueue {
  /** Stops every worker and waits for the jobs in progress, up to the grace of the settings. */
  close(): Promise<void>
}

/** How jobs are run; the same for every name. */
export interface JobSettings {
  /** Runs before a job is dead; default 5. */
  readonly maximumAttempts: number
  /** Pause after the first failure, in milliseconds, doubled with each further one up to five minutes; default 2000. */
  readonly firstRetryMs: number
  /** When a run is given up, in milliseconds; default 900,000, at least 1000. */
  readonly expireAfterMs: number
  /** How often an idle worker looks for jobs, in milliseconds; default 1000, at least 500. */
  readonly pollMs: number
  /** How long a close waits for jobs in progress, in milliseconds; default 25,000. */
  readonly stopGraceMs: number
  /** Told of what fails in the background; the queue goes on by itself. */
  readonly onError: (error: unknown) => void
}

/** Used where `openDatabase` is not told otherwise. */
export const defaultJobSettings: JobSettings = {
  maximumAttempts: 5,
  firstRetryMs: 2000,
  expireAfterMs: 900_000,
  pollMs: 1000,
  stopGraceMs: 25_000,
  onError: () => undefined,
}

/** Longest pause between two runs of a job, in milliseconds. */
export const longestRetryMs = 300_000
