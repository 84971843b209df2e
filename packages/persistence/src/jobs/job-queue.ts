import type { JsonValue } from "@apeiro-cmk/plugin-interface"

/** One run of a job. */
export interface Job {
  readonly jobId: string
  readonly name: string
  /** Key with which the job was enqueued; absent if there was none. */
  readonly key?: string
  readonly payload: JsonValue
  /**
   * The fence of this run: starts at 1 and grows by one with each run of the same job. A run that was given up may
   * continue for a while alongside the next one, so **every write of a job carries its attempt** and is rejected where
   * a higher attempt has written.
   */
  readonly attempt: number
  /** Aborted when this run is given up: nothing that it does afterwards counts. */
  readonly signal: AbortSignal
}

/** The state of a job. */
export interface JobRecord {
  readonly jobId: string
  readonly name: string
  readonly key?: string
  readonly payload: JsonValue
  /** `dead`: it used up its attempts, and stays for inspection. */
  readonly state: "queued" | "active" | "done" | "dead"
  /** Number of runs that have begun. */
  readonly attempt: number
  /** Code and message of the last failure; of an error that is not ours, only its class. */
  readonly failure?: string
}

/** Runs the jobs of one name until it is stopped. */
export interface JobWorker {
  /** Takes no further job, and resolves when the job in progress has ended. Idempotent. */
  stop(): Promise<void>
}

/**
 * Runs work that outlives a request and a host.
 *
 * - **At least once.** A job is done when its handler resolves. If the handler rejects, takes too long or dies with its
 *   host, the job runs again, after growing pauses, up to a limit. Then it is dead and stays visible.
 * - **Correctness never depends on the queue.** A handler must tolerate running twice, even at the same time as a run
 *   that was given up: it fences its writes with `attempt`.
 * - **One per key.** While a job with a key is queued or active, a second `enqueue` of the same name and key returns
 *   it.
 * - On PostgreSQL any host may run a job (pg-boss); on SQLite, the one host that holds the file.
 *
 * ```ts
 * await database.jobs.enqueue("keystore-provision", { tenantId, keystoreId }, { key: `${tenantId}/${keystoreId}` })
 * const worker = await database.jobs.work("keystore-provision", async (job) => provision(job.payload, job.attempt, job.signal))
 * ```
 */
export interface JobQueue {
  /**
   * Stores a job, which is durable once this resolves.
   *
   * @param name - `^[a-z][a-z0-9-]{0,49}$`
   * @param payload - stored as is, so it must not contain a secret
   * @param options.key - 1 to 200 characters
   * @returns a new job, or the queued or active job with the same key
   * @throws {PersistenceError} DATABASE_FAULT - a malformed name or key
   * @throws {PersistenceError} DATABASE_UNAVAILABLE, DATABASE_BUSY, DATABASE_FULL
   */
  enqueue(name: string, payload: JsonValue, options?: { readonly key?: string }): Promise<{ readonly jobId: string }>
  /**
   * Runs jobs of a name, one after the other, until the worker is stopped; several workers share the jobs.
   * @throws {PersistenceError} as `enqueue`
   */
  work(name: string, handler: (job: Job) => Promise<void>): Promise<JobWorker>
  /** Reads one job. @returns undefined when there is no such job, or it was done long ago */
  job(name: string, jobId: string): Promise<JobRecord | undefined>
  /** Lists jobs that used up their attempts, oldest first; at most 1000. */
  deadJobs(name: string): Promise<readonly JobRecord[]>
}

/** A job queue that can be closed. */
export interface RunningJobQueue extends JobQueue {
  /** Stops every worker and waits for the jobs in progress, up to the grace of the settings. */
  close(): Promise<void>
}

/** How jobs run; the same for every name. */
export interface JobSettings {
  /** Number of runs before a job is dead; default 5. */
  readonly maximumAttempts: number
  /**
   * Pause after the first failure, in milliseconds; doubles with each further failure, up to five minutes; default
   * 2000.
   */
  readonly firstRetryMs: number
  /** Time after which a run is given up, in milliseconds; at least 1000, default 900,000. */
  readonly expireAfterMs: number
  /** Interval at which an idle worker looks for jobs, in milliseconds; at least 500, default 1000. */
  readonly pollMs: number
  /** Longest wait of `close` for jobs in progress, in milliseconds; default 25,000. */
  readonly stopGraceMs: number
  /** Receives failures in the background; the queue continues on its own. Default: ignores them. */
  readonly onError: (error: unknown) => void
}

/** Settings that apply unless `openDatabase` overrides them. */
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
