import { describe, expect, it } from "vitest"
import { type Database, type Job, type JobRecord, type JobSettings, PersistenceError } from "../src/index.ts"
import { firstLine, startChild } from "./support/child.ts"
import { openTestDatabase, type TestEngine, testEngines } from "./support/engines.ts"

const engines = await testEngines()

/** The shortest times that both queues allow. */
const quick: Partial<JobSettings> = { maximumAttempts: 3, firstRetryMs: 0, pollMs: 500, expireAfterMs: 2000 }

const opened = (engine: TestEngine, jobs: Partial<JobSettings> = quick) => openTestDatabase(engine, { jobs })

/** Resolves when a job is in a state; the time limit of the test ends the wait. */
async function reached({ jobs }: Database, name: string, jobId: string, state: JobRecord["state"]): Promise<JobRecord> {
  for (;;) {
    const record = await jobs.job(name, jobId)
    if (record?.state === state) return record
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

describe.each(engines)("jobs on $name", (engine) => {
  it("run with their payload, and are done", async () => {
    const database = await opened(engine)
    const payload = { tenantId: "acme", nested: [1, null, { ü: "'; --" }] }
    const { jobId } = await database.jobs.enqueue("provision", payload, { key: "acme/one" })
    expect(await database.jobs.job("provision", jobId)).toMatchObject({ state: "queued", attempt: 0 })
    const { promise, resolve } = Promise.withResolvers<Job>()
    await database.jobs.work("provision", async (job) => resolve(job))
    expect(await promise).toMatchObject({ jobId, name: "provision", key: "acme/one", payload, attempt: 1 })
    expect(await reached(database, "provision", jobId, "done")).toMatchObject({ attempt: 1, payload })
    expect(await database.jobs.deadJobs("provision")).toEqual([])
  })

  it("run again after a failure, each run with the next attempt", async () => {
    const database = await opened(engine)
    const { jobId } = await database.jobs.enqueue("flaky", {})
    const attempts: number[] = []
    await database.jobs.work("flaky", async ({ attempt }) => {
      attempts.push(attempt)
      if (attempt < 3) throw new Error("not yet")
    })
    await reached(database, "flaky", jobId, "done")
    expect(attempts).toEqual([1, 2, 3])
  })

  it("are dead after the maximum number of failures, and stay visible with the code of the last one alone", async () => {
    const database = await opened(engine)
    const { jobId } = await database.jobs.enqueue("doomed", { tenantId: "acme" }, { key: "k" })
    await database.jobs.work("doomed", async ({ attempt }) => {
      if (attempt < 3) throw Object.assign(new TypeError("CANARY-message"), { token: "CANARY-property" })
      const facts = { origin: "host", retryable: true, nextStep: "Wait." } as const
      throw new PersistenceError("DATABASE_BUSY", "It is busy.", facts)
    })
    await reached(database, "doomed", jobId, "dead")
    const dead = await database.jobs.deadJobs("doomed")
    expect(dead).toEqual([
      {
        jobId,
        name: "doomed",
        key: "k",
        payload: { tenantId: "acme" },
        state: "dead",
        attempt: 3,
        failure: "DATABASE_BUSY: It is busy.",
      },
    ])
    // A dead job frees its key.
    expect((await database.jobs.enqueue("doomed", {}, { key: "k" })).jobId).not.toBe(jobId)
  })

  it("show only the class of an error that is not ours", async () => {
    const database = await opened(engine, { ...quick, maximumAttempts: 1 })
    const { jobId } = await database.jobs.enqueue("doomed", {})
    await database.jobs.work("doomed", async () => {
      throw Object.assign(new TypeError("CANARY-message"), { token: "CANARY-property" })
    })
    expect(await reached(database, "doomed", jobId, "dead")).toMatchObject({ failure: "TypeError" })
  })

  it("of one name and key are one job while it is queued or active, and a new job afterwards", async () => {
    const database = await opened(engine)
    const enqueue = (name: string, key?: string) =>
      database.jobs.enqueue(name, {}, key === undefined ? {} : { key }).then(({ jobId }) => jobId)
    const ids = await Promise.all(Array.from({ length: 8 }, () => enqueue("keyed", "k")))
    expect(new Set(ids).size).toBe(1)
    const others = await Promise.all([
      enqueue("keyed", "other"),
      enqueue("different", "k"),
      enqueue("keyed"),
      enqueue("keyed"),
    ])
    expect(new Set([...ids, ...others]).size).toBe(5)
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>()
    const { promise: goesOn, resolve: goOn } = Promise.withResolvers<void>()
    await database.jobs.work("keyed", async ({ key }) => {
      if (key !== "k") return
      begin()
      await goesOn
    })
    await begun
    expect(await enqueue("keyed", "k")).toBe(ids[0])
    goOn()
    await reached(database, "keyed", ids[0] ?? "", "done")
    expect(await enqueue("keyed", "k")).not.toBe(ids[0])
  })

  it("are given up when they take too long: the signal is aborted, and the next run has the next attempt", async () => {
    const database = await opened(engine, { ...quick, expireAfterMs: 1000 })
    const { jobId } = await database.jobs.enqueue("slow", {})
    const attempts: number[] = []
    await database.jobs.work("slow", async ({ attempt, signal }) => {
      attempts.push(attempt)
      // It ends later, and its end does not count.
      if (attempt === 1) await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }))
    })
    expect(await reached(database, "slow", jobId, "done")).toMatchObject({ attempt: 2 })
    expect(attempts).toEqual([1, 2])
  })

  it("of a host that was killed run again", async () => {
    const { url, open } = await engine.createDatabase()
    const first = await open({ jobs: quick })
    const { jobId } = await first.jobs.enqueue("orphaned", {})
    await first.close()
    const child = startChild("work-and-hang.ts", url)
    expect(await firstLine(child)).toBe("attempt 1")
    child.process.kill("SIGKILL")
    await child.closed
    const database = await open({ jobs: quick })
    await database.jobs.work("orphaned", async () => undefined)
    const { attempt } = await reached(database, "orphaned", jobId, "done")
    expect(attempt).toBe(2)
  })

  it("are shared by several workers: each job runs once", async () => {
    const database = await opened(engine)
    const runs: string[] = []
    const ids = await Promise.all(
      Array.from({ length: 6 }, () => database.jobs.enqueue("shared", {}).then(({ jobId }) => jobId)),
    )
    for (let count = 0; count < 3; count += 1) {
      await database.jobs.work("shared", async ({ jobId }) => {
        runs.push(jobId)
      })
    }
    for (const jobId of ids) await reached(database, "shared", jobId, "done")
    expect(runs.toSorted()).toEqual(ids.toSorted())
  })

  it("in progress delay a stop and a close, and no further job begins", async () => {
    const { open } = await engine.createDatabase()
    const database = await open({ jobs: quick })
    const held = (name: string) => {
      const { promise: begun, resolve: begin } = Promise.withResolvers<void>()
      const { promise: goesOn, resolve: goOn } = Promise.withResolvers<void>()
      const handler = async () => {
        begin()
        await goesOn
      }
      return { name, begun, goOn, handler }
    }
    const [stopped, closed] = [held("stopped"), held("closed")]
    const ids: string[] = []
    for (const { name } of [stopped, stopped, closed]) ids.push((await database.jobs.enqueue(name, {})).jobId)
    const worker = await database.jobs.work("stopped", stopped.handler)
    await database.jobs.work("closed", closed.handler)
    await Promise.all([stopped.begun, closed.begun])
    const ends = [worker.stop(), database.close()]
    stopped.goOn()
    closed.goOn()
    await Promise.all(ends)
    const again = await open({ jobs: quick })
    const states = await Promise.all(
      ids.map(async (jobId, index) => (await again.jobs.job(index < 2 ? "stopped" : "closed", jobId))?.state),
    )
    expect(states.toSorted()).toEqual(["done", "done", "queued"])
  })

  it("require a valid name and key", async () => {
    const database = await opened(engine)
    for (const [name, key] of [
      ["", "k"],
      ["Upper", "k"],
      ["a b", "k"],
      ["fine", ""],
      ["fine", "x".repeat(201)],
    ] as const) {
      await expect(database.jobs.enqueue(name, {}, { key })).rejects.toMatchObject({ code: "DATABASE_FAULT" })
    }
    await expect(database.jobs.work("Upper", async () => undefined)).rejects.toMatchObject({ code: "DATABASE_FAULT" })
    expect(await database.jobs.job("fine", "019a0000-0000-7000-8000-000000000000")).toBeUndefined()
  })
})
