import { randomUUID } from "node:crypto"
import type { JsonValue } from "@apeiro-cmk/plugin-interface"
import { type JobWithMetadata, PgBoss } from "pg-boss"
import * as z from "zod"
import { persistenceError } from "../errors.ts"
import { assertJobKey, assertJobName, failureText } from "../jobs/job-names.ts"
import { type Job, type JobRecord, type JobSettings, longestRetryMs, type RunningJobQueue } from "../jobs/job-queue.ts"
import type { ConnectionPool } from "./pool.ts"
import { postgresError } from "./postgres-errors.ts"

/** Schema of pg-boss's tables, next to ours in the same database; the role needs the privilege to create it. */
const bossSchema = "apeiro_cmk_jobs"
/** Time after which a dead host is noticed, in seconds; the minimum of pg-boss is 10. */
const heartbeatSeconds = 30
const longestSuperviseSeconds = 10
/** A job that ends between a refused insert and the search for it leaves the key free: then the insert is repeated. */
const enqueueAttempts = 10
const mostJobsLookedAt = 1000

const storedData = z.object({ payload: z.json(), key: z.string().optional() })
const storedFailure = z.object({ failure: z.string() })
/** Failure of a run that ended without an error from its handler. */
const givenUp = "the job took too long, or its host ended"

/** Data of every job, as stored. */
interface JobData {
  readonly payload: JsonValue
  readonly key?: string
}

/** Job queue on PostgreSQL: pg-boss on our connections. It starts, and makes its schema, when it is first used. */
export class BossJobQueue implements RunningJobQueue {
  readonly #boss: PgBoss
  readonly #settings: JobSettings
  readonly #queues = new Map<string, Promise<void>>()
  #started: Promise<unknown> | undefined

  constructor(pool: ConnectionPool, settings: JobSettings) {
    this.#settings = settings
    this.#boss = new PgBoss({
      db: { executeSql: (text, values) => pool.rawQuery(text, values) },
      schema: bossSchema,
      schedule: false,
      superviseIntervalSeconds: superviseSeconds(settings),
      monitorIntervalSeconds: superviseSeconds(settings),
    })
    this.#boss.on("error", (error) => settings.onError(postgresError(error)))
  }

  enqueue(name: string, payload: JsonValue, { key }: { readonly key?: string } = {}): Promise<{ jobId: string }> {
    return translating(async () => {
      if (key !== undefined) assertJobKey(key)
      await this.#queue(name)
      for (let attempt = 1; attempt <= enqueueAttempts; attempt += 1) {
        // In this kind of queue, all jobs without a key count as one.
        const singletonKey = key === undefined ? `-${randomUUID()}` : `+${key}`
        const data: JobData = { payload, ...(key === undefined ? {} : { key }) }
        const jobId = await this.#boss.send(name, data, { ...sendOptions(this.#settings), singletonKey })
        if (jobId !== null) return { jobId }
        const same = await this.#boss.findJobs<JobData>(name, { key: singletonKey })
        const live = same.find(({ state }) => state === "created" || state === "retry" || state === "active")
        if (live !== undefined) return { jobId: live.id }
      }
      throw persistenceError("DATABASE_BUSY", "Jobs with this key kept ending during the attempts to enqueue one.")
    })
  }

  work(name: string, handler: (job: Job) => Promise<void>): Promise<{ stop(): Promise<void> }> {
    return translating(async () => {
      await this.#queue(name)
      const options = { includeMetadata: true, pollingIntervalSeconds: this.#settings.pollMs / 1000 } as const
      const id = await this.#boss.work<JobData, void, typeof options>(name, options, async ([job]) => {
        if (job !== undefined) await perform(job, handler)
      })
      return { stop: () => this.#boss.offWork(name, { id, wait: true }) }
    })
  }

  job(name: string, jobId: string): Promise<JobRecord | undefined> {
    return translating(async () => {
      await this.#queue(name)
      const [job] = await this.#boss.findJobs<JobData>(name, { id: jobId })
      return job === undefined ? undefined : jobRecord(job)
    })
  }

  deadJobs(name: string): Promise<readonly JobRecord[]> {
    return translating(async () => {
      await this.#queue(name)
      const dead: JobRecord[] = []
      for (let after: string | undefined; dead.length < mostJobsLookedAt; ) {
        const page = await this.#boss.findJobs<JobData>(name, {
          limit: mostJobsLookedAt,
          ...(after === undefined ? {} : { after }),
        })
        dead.push(...page.filter(({ state }) => state === "failed").map(jobRecord))
        after = page.at(-1)?.id
        if (page.length < mostJobsLookedAt) break
      }
      return dead
    })
  }

  async close(): Promise<void> {
    if (this.#started === undefined) return
    await this.#boss.stop({ graceful: true, close: false, timeout: this.#settings.stopGraceMs })
  }

  async #queue(name: string): Promise<void> {
    assertJobName(name)
    this.#started ??= this.#boss.start()
    await this.#started.catch((error: unknown) => {
      this.#started = undefined // The next use tries again.
      throw error
    })
    const made = this.#queues.get(name) ?? this.#boss.createQueue(name, { policy: "exclusive" })
    this.#queues.set(name, made)
    await made.catch((error: unknown) => {
      this.#queues.delete(name)
      throw error
    })
  }
}

function sendOptions({ maximumAttempts, firstRetryMs, expireAfterMs }: JobSettings) {
  const expireInSeconds = Math.ceil(expireAfterMs / 1000)
  return {
    retryLimit: maximumAttempts - 1,
    retryDelay: Math.ceil(firstRetryMs / 1000),
    retryBackoff: firstRetryMs > 0,
    ...(firstRetryMs > 0 ? { retryDelayMax: longestRetryMs / 1000 } : {}),
    expireInSeconds,
    ...(expireInSeconds > heartbeatSeconds ? { heartbeatSeconds } : {}),
  }
}

function superviseSeconds({ expireAfterMs }: JobSettings): number {
  return Math.min(longestSuperviseSeconds, Math.ceil(expireAfterMs / 1000))
}

async function perform(job: JobWithMetadata<JobData>, handler: (job: Job) => Promise<void>): Promise<void> {
  const { state: _state, failure: _failure, ...run } = jobRecord(job)
  try {
    await handler({ ...run, signal: job.signal })
  } catch (error) {
    // pg-boss stores every property of the error.
    throw Object.assign(new Error("the job failed"), { stack: "", failure: failureText(error) })
  }
}

const states: Readonly<Record<JobWithMetadata["state"], JobRecord["state"]>> = {
  created: "queued",
  retry: "queued",
  active: "active",
  completed: "done",
  failed: "dead",
  cancelled: "dead",
}

function jobRecord(job: JobWithMetadata<JobData>): JobRecord {
  const { payload, key } = storedData.parse(job.data)
  const hasFailed = job.state === "retry" || job.state === "failed"
  const failure = storedFailure.safeParse(job.output).data?.failure ?? (hasFailed ? givenUp : undefined)
  const hasRun = job.state !== "created"
  return {
    jobId: job.id,
    name: job.name,
    ...(key === undefined ? {} : { key }),
    payload,
    state: states[job.state],
    attempt: hasRun ? job.retryCount + 1 : 0,
    ...(failure === undefined ? {} : { failure }),
  }
}

async function translating<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    throw postgresError(error)
  }
}
