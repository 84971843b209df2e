import { describe, expect, it, vi } from "vitest"
import { createAuditRecorder, createAuditSequencer, exportLines, rootHash, verifyExport } from "../src/index.ts"
import { InMemoryAudit } from "./in-memory-audit.ts"
import { ManualClock } from "./manual-clock.ts"
import { sampleEvent } from "./sample-events.ts"

function setUp() {
  const audit = new InMemoryAudit()
  const clock = new ManualClock()
  const onError = vi.fn()
  const sequencer = (replica: string) => createAuditSequencer({ log: audit, clock, replica, onError })
  const first = sequencer("host-1")
  const recorder = createAuditRecorder({ intake: audit, clock, replica: "host-1", onRecorded: () => first.nudge() })
  return { audit, clock, onError, sequencer, first, recorder }
}

const size = async (audit: InMemoryAudit, tenantId = "acme") => (await audit.head(tenantId)).size

describe("audit sequencer", () => {
  it("gives each tenant's entries their own places, in order", async () => {
    const { audit, first, recorder } = setUp()
    const recorded = []
    for (let round = 0; round < 3; round += 1) {
      recorded.push(await recorder.record(sampleEvent()))
      await recorder.record(sampleEvent({ tenantId: "globex" }))
    }
    expect(await first.runOnce()).toBe(6)
    expect(await first.runOnce()).toBe(0)
    const log = await audit.entries("acme", 0, 10)
    expect(log.map(({ index }) => index)).toEqual([0, 1, 2])
    expect(log.map(({ entryId }) => entryId)).toEqual(recorded.map(({ entryId }) => entryId))
    expect(rootHash(await audit.head("acme"))).toEqual((await verifyExport(exportLines("acme", audit))).root)
    expect(await size(audit, "globex")).toBe(3)
  })

  it("moves more than one batch in one run", async () => {
    const { audit, first, recorder } = setUp()
    await Promise.all(Array.from({ length: 1201 }, () => recorder.record(sampleEvent())))
    expect(await first.runOnce()).toBe(1201)
    expect(await size(audit)).toBe(1201)
  })

  it("integrates recorded entries well within two seconds", async () => {
    const { audit, clock, first, recorder } = setUp()
    first.start()
    await clock.advance(5000)
    await recorder.record(sampleEvent())
    await clock.advance(200)
    expect(await size(audit)).toBe(1)
    await first.stop()
  })

  it("integrates entries without a nudge within two seconds", async () => {
    const { audit, clock, first, recorder } = setUp()
    first.start()
    await clock.advance(5000)
    await audit.append([recorder.prepare(sampleEvent())])
    await clock.advance(1500)
    expect(await size(audit)).toBe(1)
    await first.stop()
  })

  it("integrates recorded entries when it stops, and then stays idle", async () => {
    const { audit, clock, first, recorder } = setUp()
    first.start()
    await clock.advance(0)
    await recorder.record(sampleEvent())
    await first.stop()
    expect(await size(audit)).toBe(1)

    await recorder.record(sampleEvent())
    await clock.advance(10_000)
    expect(await size(audit)).toBe(1)
    await first.stop()
  })

  it("reports a failing database, tries again after growing pauses, and catches up", async () => {
    const { audit, clock, first, onError, recorder } = setUp()
    first.start()
    await clock.advance(0)
    await recorder.record(sampleEvent())
    audit.failure = new Error("database is locked")
    await clock.advance(60_000)
    expect(onError).toHaveBeenCalledWith(audit.failure)
    expect(onError.mock.calls.length).toBeGreaterThan(10)
    expect(onError.mock.calls.length).toBeLessThan(20)

    audit.failure = undefined
    await clock.advance(5000)
    expect(await size(audit)).toBe(1)
    await first.stop()
  })

  it("does nothing under an old fence, and takes a new one in its next run", async () => {
    const { audit, first, sequencer, recorder } = setUp()
    const second = sequencer("host-2")
    expect(await first.runOnce()).toBe(0)
    expect(await second.runOnce()).toBe(0)
    await recorder.record(sampleEvent())
    expect(await first.runOnce()).toBe(0)
    expect(await size(audit)).toBe(0)
    expect(await first.runOnce()).toBe(1)
  })

  it("keeps the log whole and prompt with several replicas, even when the active one dies", async () => {
    const { audit, clock, first, sequencer, recorder, onError } = setUp()
    const second = sequencer("host-2")
    first.start()
    second.start()
    for (let round = 1; round <= 20; round += 1) {
      await recorder.record(sampleEvent())
      await clock.advance(2000)
      expect(await size(audit)).toBe(round)
    }
    await first.stop()
    await recorder.record(sampleEvent())
    await clock.advance(2000)
    await second.stop()
    expect(await verifyExport(exportLines("acme", audit))).toMatchObject({ size: 21 })
    expect(onError).not.toHaveBeenCalled()
  })
})
