import { describe, expect, it } from "vitest"
import type { Database } from "../src/index.ts"
import { startChild } from "./support/child.ts"
import { testEngines } from "./support/engines.ts"
import { headOf, integrateAll, wholeLog } from "./support/samples.ts"

const engines = await testEngines()

/** Lets a child write until it has answered `count` times, kills it, and reads on to its last answer. */
async function answersOfKilledWriter(url: string, run: string, count: number): Promise<string[]> {
  const child = startChild("write-under-load.ts", url, run)
  const answers: string[] = []
  for await (const line of child.lines) {
    answers.push(line)
    if (answers.length === count) child.process.kill("SIGKILL")
  }
  await child.closed
  return answers
}

function withWord(answers: readonly string[], word: string): string[] {
  return answers.filter((line) => line.startsWith(`${word} `)).map((line) => line.slice(word.length + 1))
}

/** Lists batches that lack some of their three entries. */
function halfBatches(entryIds: readonly string[]): string[] {
  const batches = Map.groupBy(entryIds, (id) => id.slice(0, -2))
  return [...batches].filter(([, parts]) => parts.length !== 3).map(([batch]) => batch)
}

async function expectWhole(database: Database, answers: readonly string[]): Promise<void> {
  await integrateAll(database.auditLog)
  const batches = await wholeLog(database.auditLog, "batches")
  const batchIds = batches.map(({ entryId }) => entryId)
  for (const batch of withWord(answers, "batch")) expect(batchIds).toContain(`${batch}-a`)
  expect(halfBatches(batchIds)).toEqual([])
  expect(batches.map(({ index }) => index)).toEqual([...batches.keys()])
  expect(await database.auditLog.head("batches")).toEqual(headOf("batches", batches))
  for (const size of withWord(answers, "log")) expect(batches.length).toBeGreaterThanOrEqual(Number(size))

  const tenantIds = (await database.tenants.tenants({ limit: 10_000 })).map(({ tenantId }) => tenantId)
  for (const tenantId of withWord(answers, "tenant")) expect(tenantIds).toContain(tenantId)
  const audited = (await wholeLog(database.auditLog, "tenants")).map(({ entryId }) => entryId)
  expect(audited.toSorted()).toEqual(tenantIds.map((tenantId) => `${tenantId}-audit`).toSorted())
}

describe.each(engines)("a host that is killed while it writes to $name", (engine) => {
  it("loses nothing that it answered and leaves nothing half done, repeatedly", async () => {
    const { url, open } = await engine.createDatabase()
    const answers: string[] = []
    for (const [run, count] of [
      ["r1", 150],
      ["r2", 333],
      ["r3", 40],
    ] as const) {
      answers.push(...(await answersOfKilledWriter(url, run, count)))
      const database = await open()
      await expectWhole(database, answers)
      await database.close()
    }
    expect(withWord(answers, "batch").length).toBeGreaterThan(100)
    expect(withWord(answers, "tenant").length).toBeGreaterThan(20)
  })
})
