import { appendLeaf, createAuditRecorder, createAuditSequencer } from "@apeiro-cmk/audit-log"
import { describe, expect, it } from "vitest"
import { openTestDatabase, testEngines } from "./support/engines.ts"
import { realClock } from "./support/real-clock.ts"
import { auditEntry, headOf, integrateAll, integration, recordedIds, wholeLog } from "./support/samples.ts"

const engines = await testEngines()
const event = {
  actor: { type: "token", id: "t" },
  action: "dataKeyGenerate",
  resource: { type: "serviceKey", id: "key" },
  outcome: "success",
} as const

describe.each(engines)("audit intake on $name", (engine) => {
  it("returns each entry exactly, bytes included", async () => {
    const { auditIntake, auditLog } = await openTestDatabase(engine)
    const entry = auditEntry({ leaf: Uint8Array.from({ length: 256 }, (_value, index) => index) })
    await auditIntake.append([entry])
    expect(await auditLog.waiting("acme")).toBe(1)
    await integrateAll(auditLog)
    expect(await auditLog.waiting("acme")).toBe(0)
    expect(await auditLog.entries("acme", 0, 10)).toEqual([{ ...entry, index: 0 }])
  })

  it("stores all or none: an entry that already exists fails its whole group", async () => {
    const { auditIntake, auditLog } = await openTestDatabase(engine)
    const known = auditEntry()
    await auditIntake.append([known])
    await expect(auditIntake.append([auditEntry(), known])).rejects.toMatchObject({ code: "ALREADY_EXISTS" })
    const many = Array.from({ length: 2500 }, () => auditEntry())
    await expect(auditIntake.append([...many, known])).rejects.toMatchObject({ code: "ALREADY_EXISTS" })
    expect(await auditLog.waiting("acme")).toBe(1)
  })

  it("accepts groups of any size, including none", async () => {
    const database = await openTestDatabase(engine)
    await database.auditIntake.append([])
    const many = Array.from({ length: 2500 }, () => auditEntry())
    await database.auditIntake.append(many)
    expect(await recordedIds(database, "acme")).toEqual(many.map(({ entryId }) => entryId))
  })

  it("is still there when the database is opened again", async () => {
    const { open } = await engine.createDatabase()
    const first = await open()
    const entry = auditEntry()
    await first.auditIntake.append([entry])
    await first.close()
    expect(await recordedIds(await open(), "acme")).toEqual([entry.entryId])
  })
})

describe.each(engines)("audit recorder on $name", (engine) => {
  it("does not let one tenant's backlog delay another tenant's entry, nor the host's own", async () => {
    const { auditIntake } = await openTestDatabase(engine)
    const recorder = createAuditRecorder({ intake: auditIntake, clock: realClock, replica: "host-1" })
    let noisyDone = 0
    const record = (tenantId: string) => recorder.record({ ...event, tenantId })
    const noisy = Array.from({ length: 6000 }, () => record("noisy").then(() => noisyDone++))
    await Promise.all([record("acme"), record("_platform")])
    expect(noisyDone).toBeLessThan(2000)
    await Promise.all(noisy)
  })
})

describe.each(engines)("audit log on $name", (engine) => {
  it("is empty when nothing was recorded", async () => {
    const { auditLog } = await openTestDatabase(engine)
    expect(await auditLog.head("acme")).toEqual({ tenantId: "acme", size: 0, subtrees: [] })
    expect(await auditLog.entries("acme", 0, 10)).toEqual([])
    expect(await auditLog.waiting("acme")).toBe(0)
  })

  it("gives each tenant its own log, oldest entry first, without gaps across several integrations", async () => {
    const { auditIntake, auditLog } = await openTestDatabase(engine)
    const entries = Array.from({ length: 30 }, (_value, index) =>
      auditEntry({ tenantId: index % 3 === 0 ? "globex" : "acme" }),
    )
    await auditIntake.append(entries.toReversed())
    const fence = await auditLog.takeFence("host-1")
    expect(await auditLog.integrate(fence, 7, integration)).toBe(7)
    expect(await auditLog.integrate(fence, 100, integration)).toBe(23)
    expect(await auditLog.integrate(fence, 100, integration)).toBe(0)
    for (const tenantId of ["acme", "globex"]) {
      const own = entries.filter((entry) => entry.tenantId === tenantId)
      expect(await wholeLog(auditLog, tenantId)).toEqual(own.map((entry, index) => ({ ...entry, index })))
      expect(await auditLog.head(tenantId)).toEqual(headOf(tenantId, own))
    }
  })

  it("is read in pages, starting at an index", async () => {
    const { auditIntake, auditLog } = await openTestDatabase(engine)
    const entries = Array.from({ length: 12 }, () => auditEntry())
    await auditIntake.append(entries)
    await integrateAll(auditLog)
    const page = await auditLog.entries("acme", 5, 3)
    expect(page.map(({ index, entryId }) => [index, entryId])).toEqual(
      [5, 6, 7].map((index) => [index, entries[index]?.entryId]),
    )
    expect(await auditLog.entries("acme", 12, 3)).toEqual([])
  })

  it("rejects a sequencer whose fence was taken over", async () => {
    const { auditIntake, auditLog } = await openTestDatabase(engine)
    const older = await auditLog.takeFence("host-1")
    const newer = await auditLog.takeFence("host-2")
    expect(newer).toBeGreaterThan(older)
    await auditIntake.append([auditEntry()])
    expect(await auditLog.integrate(older, 10, integration)).toBeUndefined()
    expect(await auditLog.head("acme")).toMatchObject({ size: 0 })
    expect(await auditLog.waiting("acme")).toBe(1)
    expect(await auditLog.integrate(newer, 10, integration)).toBe(1)
  })

  it("rejects a sequencer that is overtaken during its integration", async () => {
    const database = await openTestDatabase(engine)
    const { auditIntake, auditLog } = database
    const entries = [auditEntry(), auditEntry()]
    await auditIntake.append(entries)
    const older = await auditLog.takeFence("host-1")
    let overtaken: Promise<unknown> = Promise.resolve()
    const late = await auditLog.integrate(older, 10, (head, waiting) => {
      overtaken = auditLog.takeFence("host-2").then((fence) => auditLog.integrate(fence, 1, integration))
      return integration(head, waiting)
    })
    await overtaken
    await integrateAll(auditLog)
    expect([undefined, 2]).toContain(late)
    expect(await recordedIds(database, "acme")).toEqual(entries.map(({ entryId }) => entryId))
    expect(await auditLog.head("acme")).toEqual(headOf("acme", entries))
  })

  it("rejects late sequencers without an error, whatever the newer one has just stored", async () => {
    const { auditIntake, auditLog } = await openTestDatabase(engine)
    const entries = Array.from({ length: 400 }, () => auditEntry())
    await auditIntake.append(entries)
    const older = await auditLog.takeFence("host-1")
    const newer = await auditLog.takeFence("host-2")
    let isStored = false
    const store = async () => {
      while ((await auditLog.integrate(newer, 2, integration)) !== 0);
      isStored = true
    }
    const outcomes = new Set<unknown>()
    const comeLate = async () => {
      while (!isStored) outcomes.add(await auditLog.integrate(older, 2, integration))
    }
    await Promise.all([store(), comeLate(), comeLate(), comeLate()])
    expect([...outcomes].filter((outcome) => outcome !== undefined && outcome !== 0)).toEqual([])
    expect(await auditLog.head("acme")).toEqual(headOf("acme", entries))
  })

  it("keeps the fence across a restart", async () => {
    const { open } = await engine.createDatabase()
    const first = await open()
    const older = await first.auditLog.takeFence("host-1")
    await first.close()
    const second = await open()
    expect(await second.auditLog.takeFence("host-1")).toBeGreaterThan(older)
  })

  it("stores nothing of an integration that fails halfway", async () => {
    const { auditIntake, auditLog } = await openTestDatabase(engine)
    await auditIntake.append([auditEntry({ tenantId: "acme" }), auditEntry({ tenantId: "globex" })])
    const fence = await auditLog.takeFence("host-1")
    await expect(
      auditLog.integrate(fence, 10, (head, waiting) => {
        if (head.tenantId === "globex") throw new Error("a fault in the second tenant")
        return integration(head, waiting)
      }),
    ).rejects.toThrow("a fault in the second tenant")
    expect(await auditLog.waiting("acme")).toBe(1)
    expect(await auditLog.head("acme")).toMatchObject({ size: 0 })
    expect(await auditLog.integrate(fence, 10, integration)).toBe(2)
  })

  it("stores nothing that would leave a gap", async () => {
    const { auditIntake, auditLog } = await openTestDatabase(engine)
    await auditIntake.append([auditEntry(), auditEntry()])
    const fence = await auditLog.takeFence("host-1")
    const leavesOneOut = auditLog.integrate(fence, 10, (head, waiting) => integration(head, waiting.slice(1)))
    await expect(leavesOneOut).rejects.toMatchObject({ code: "DATABASE_FAULT" })
    const skipsAnIndex = auditLog.integrate(fence, 10, (head, waiting) => {
      const { entries, head: grown } = integration(head, waiting)
      return { entries: entries.map((entry) => ({ ...entry, index: entry.index + 1 })), head: grown }
    })
    await expect(skipsAnIndex).rejects.toMatchObject({ code: "DATABASE_FAULT" })
    expect(await auditLog.waiting("acme")).toBe(2)
  })

  it("neither loses nor repeats an entry while entries arrive and two sequencers compete for the fence", async () => {
    const { auditIntake, auditLog } = await openTestDatabase(engine)
    const groups = Array.from({ length: 60 }, () => [auditEntry(), auditEntry(), auditEntry()])
    const append = async (offset: number) => {
      for (let index = offset; index < groups.length; index += 3) await auditIntake.append(groups[index] ?? [])
    }
    const sequence = async (replica: string) => {
      let fence = await auditLog.takeFence(replica)
      for (let round = 0; round < 40; round += 1) {
        const moved = await auditLog.integrate(fence, 10, integration)
        if (moved === undefined || round % 5 === 4) fence = await auditLog.takeFence(replica)
      }
    }
    await Promise.all([append(0), append(1), append(2), sequence("host-1"), sequence("host-2")])
    await integrateAll(auditLog)
    const log = await wholeLog(auditLog, "acme")
    expect(log.map(({ entryId }) => entryId).toSorted()).toEqual(
      groups
        .flat()
        .map(({ entryId }) => entryId)
        .toSorted(),
    )
    expect(await auditLog.head("acme")).toEqual(headOf("acme", log))
  })

  it("works with the recorder and the sequencer of audit-log", async () => {
    const { auditIntake, auditLog } = await openTestDatabase(engine)
    const clock = {
      nowMs: () => Date.now(),
      monotonicMs: () => performance.now(),
      after(delayMs: number, callback: () => void) {
        const timer = setTimeout(callback, delayMs)
        return () => clearTimeout(timer)
      },
    }
    const recorder = createAuditRecorder({ intake: auditIntake, clock, replica: "host-1" })
    const recorded = await Promise.all(
      Array.from({ length: 50 }, (_value, index) =>
        recorder.record({
          tenantId: "acme",
          actor: { type: "token", id: "t" },
          action: "dataKeyGenerate",
          resource: { type: "serviceKey", id: `key-${index}` },
          outcome: "success",
        }),
      ),
    )
    const sequencer = createAuditSequencer({
      log: auditLog,
      clock,
      replica: "host-1",
      onError: (error) => {
        throw error
      },
    })
    expect(await sequencer.runOnce()).toBe(50)
    await sequencer.stop()
    const log = await wholeLog(auditLog, "acme")
    expect(log).toEqual(recorded.map((entry, index) => ({ ...entry, index })))
    const head = await auditLog.head("acme")
    expect(appendLeaf(head, log[0]?.leaf ?? new Uint8Array()).size).toBe(51)
  })
})
