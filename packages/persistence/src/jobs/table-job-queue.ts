import type { JsonValue } from "@apeiro-cmk/plugin-interface"
import type { Store } from "../store.ts"
import { assertJobKey, assertJobName, failureText } from "./job-names.ts"
import type { Job, JobRecord, JobSettings, JobWorker, RunningJobQueue } from "./job-queue.ts"
import { JobTable } from "./job-table.ts"

type Handler = (job: Job) => Promise<void>

/** Job queue on SQLite: one table, one host. */
export class TableJobQueue implements RunningJobQueue {
  readonly #table: JobTable
  readonly #settings: JobSettings
  readonly #workers = new Map<TableWorker, string>()
  #orphansFailed: Promise<void> | undefined

  constructor(store: Store, nowMs: () => number, settings: JobSettings) {
    this.#table = new JobTable(store, nowMs, settings)
    this.#settings = settings
  }

  async enqueue(name: string, payload: JsonValue, { key }: { readonly key?: string } = {}) {
    assertJobName(name)
    if (key !== undefined) assertJobKey(key)
    const jobId = await this.#table.insert(name, payload, key)
    for (const [worker, workerName] of this.#workers) if (workerName === name) worker.look()
    return { jobId }
  }

  async work(name: string, handler: Handler): Promise<JobWorker> {
    assertJobName(name)
    this.#orphansFailed ??= this.#table.failOrphans()
    await this.#orphansFailed
    const worker = new TableWorker(this.#table, name, handler, this.#settings)
    this.#workers.set(worker, name)
    return worker
  }

  job(name: string, jobId: string): Promise<JobRecord | undefined> {
    return this.#table.job(name, jobId)
  }

  deadJobs(name: string): Promise<readonly JobRecord[]> {
    return this.#table.deadJobs(name)
  }

  async close(): Promise<void> {
    const grace = Promise.withResolvers<void>()
    const timer = setTimeout(grace.resolve, this.#settings.stopGraceMs)
    await Promise.race([Promise.all([...this.#workers.keys()].map((worker) => worker.stop())), grace.promise])
    clearTimeout(timer)
  }
}

/** Runs the jobs of one name, one at a time. */
class TableWorker implements JobWorker {
  readonly #table: JobTable
  readonly #name: string
  readonly #handler: Handler
  readonly #settings: JobSettings
  readonly #ended: Promise<void>
  #isStopped = false
  #wake: () => void = () => undefined

  constructor(table: JobTable, name: string, handler: Handler, settings: JobSettings) {
    this.#table = table
    this.#name = name
    this.#handler = handler
    this.#settings = settings
    this.#ended = this.#run()
  }

  /** Ends the pause, because there may be a job. */
  look(): void {
    this.#wake()
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    this.#wake()
    await this.#ended
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      const isIdle = await this.#next().catch((error: unknown) => {
        this.#settings.onError(error)
        return true
      })
      if (isIdle && !this.#isStopped) await this.#pause()
    }
  }

  /** Runs the next job. @returns whether there was nothing to do */
  async #next(): Promise<boolean> {
    const record = await this.#table.claim(this.#name)
    if (record === undefined) return true
    await this.#perform(record)
    return false
  }

  async #perform({ jobId, name, key, payload, attempt }: JobRecord): Promise<void> {
    const controller = new AbortController()
    const job = { jobId, name, ...(key === undefined ? {} : { key }), payload, attempt, signal: controller.signal }
    let givenUp: Promise<void> | undefined
    const timer = setTimeout(() => {
      controller.abort(new Error("the job took too long"))
      givenUp = this.#table.fail(jobId, attempt, "the job took too long")
      givenUp.catch(this.#settings.onError)
    }, this.#settings.expireAfterMs)
    try {
      await this.#handler(job)
      clearTimeout(timer)
      if (givenUp === undefined) await this.#table.complete(jobId, attempt)
    } catch (error) {
      clearTimeout(timer)
      if (givenUp === undefined) await this.#table.fail(jobId, attempt, failureText(error))
    }
  }

  async #pause(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#wake = resolve
    const timer = setTimeout(resolve, this.#settings.pollMs)
    await promise
    clearTimeout(timer)
  }
}
