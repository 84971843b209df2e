import { describe, expect, it, vi } from "vitest"
import { createAuditRecorder, decodeLeaf } from "../src/index.ts"
import { InMemoryAudit } from "./in-memory-audit.ts"
import { ManualClock, settled } from "./manual-clock.ts"
import { sampleEvent } from "./sample-events.ts"

function setUp(maximumWaiting = 20_000) {
  const intake = new InMemoryAudit()
  const clock = new ManualClock()
  const onRecorded = vi.fn()
  const recorder = createAuditRecorder({ intake, clock, replica: "host-1", onRecorded, maximumWaiting })
  return { intake, clock, onRecorded, recorder }
}

describe("audit recorder", () => {
  it("resolves with the stored entry once it is durable, and not before", async () => {
    const { intake, clock, onRecorded, recorder } = setUp()
    const gate = Promise.withResolvers<void>()
    intake.gate = gate.promise
    const answered = vi.fn()
    const recording = recorder.record(sampleEvent()).then((entry) => {
      answered()
      return entry
    })
    await settled()
    expect(answered).not.toHaveBeenCalled()

    gate.resolve()
    const entry = await recording
    expect(intake.batches).toEqual([[entry]])
    expect(onRecorded).toHaveBeenCalledOnce()
    expect(decodeLeaf(entry.leaf)).toMatchObject({
      entryId: entry.entryId,
      recordedAtMs: clock.nowMs(),
      replica: "host-1",
      tenantId: "acme",
    })
  })

  it("commits entries of one turn together, and those that arrive during a commit in the next one", async () => {
    const { intake, recorder } = setUp()
    const gate = Promise.withResolvers<void>()
    intake.gate = gate.promise
    const record = (count: number) => Array.from({ length: count }, () => recorder.record(sampleEvent()))
    const first = record(30)
    await settled()
    const later = [...record(10), ...record(9)]
    gate.resolve()
    await Promise.all([...first, ...later])
    expect(intake.batches.map((batch) => batch.length)).toEqual([30, 19])
  })

  it("keeps the order of recording, in the ids as well", async () => {
    const { intake, clock, recorder } = setUp()
    await Promise.all(Array.from({ length: 20 }, () => recorder.record(sampleEvent())))
    clock.jump(-60_000)
    await Promise.all(Array.from({ length: 20 }, () => recorder.record(sampleEvent())))
    clock.jump(120_000)
    await recorder.record(sampleEvent())
    const ids = intake.batches.flat().map(({ entryId }) => entryId)
    expect(ids).toEqual([...new Set(ids)].sort())
    expect(ids).toHaveLength(41)
  })

  it("rejects every entry of a failed commit, and continues", async () => {
    const { intake, recorder, onRecorded } = setUp()
    intake.failure = new Error("disk full")
    const outcomes = await Promise.allSettled([recorder.record(sampleEvent()), recorder.record(sampleEvent())])
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({ reason: { code: "AUDIT_UNAVAILABLE", origin: "host", retryable: true } })
    }
    expect(onRecorded).not.toHaveBeenCalled()

    intake.failure = undefined
    await expect(recorder.record(sampleEvent())).resolves.toMatchObject({ tenantId: "acme" })
  })

  it("rejects an entry that waits longer than 6.5 seconds for a stalled database", async () => {
    const { intake, clock, recorder } = setUp()
    const gate = Promise.withResolvers<void>()
    intake.gate = gate.promise
    const refused = expect(recorder.record(sampleEvent())).rejects.toMatchObject({ code: "AUDIT_UNAVAILABLE" })
    await clock.advance(6_500)
    await refused
    gate.resolve()
  })

  it("takes the same number of entries of every tenant into a commit, and the host's own beside them", async () => {
    const { intake, recorder } = setUp()
    const gate = Promise.withResolvers<void>()
    intake.gate = gate.promise
    const first = recorder.record(sampleEvent())
    await settled()
    const host = { type: "host", id: "host-1" } as const
    const all = [
      ...Array.from({ length: 1500 }, () => recorder.record(sampleEvent({ tenantId: "noisy" }))),
      ...Array.from({ length: 3 }, () => recorder.record(sampleEvent({ tenantId: "quiet" }))),
      recorder.record(sampleEvent({ tenantId: "noisy", actor: host })),
      recorder.record(sampleEvent({ tenantId: "_platform" })),
      ...Array.from({ length: 600 }, () => recorder.record(sampleEvent({ tenantId: "busy" }))),
    ]
    gate.resolve()
    await Promise.all([first, ...all])
    const [, second = [], ...others] = intake.batches
    const counts = Object.groupBy(second, ({ tenantId }) => tenantId)
    expect([counts.quiet?.length, counts._platform?.length]).toEqual([3, 1])
    expect(second).toHaveLength(1000)
    expect(Math.abs((counts.noisy?.length ?? 0) - (counts.busy?.length ?? 0))).toBeLessThan(3)
    const noisy = [second, ...others].flat().filter(({ tenantId }) => tenantId === "noisy")
    const ids = noisy.filter(({ leaf }) => decodeLeaf(leaf).actor.type === "token").map(({ entryId }) => entryId)
    expect(ids).toEqual(ids.toSorted())
    expect(ids).toHaveLength(1500)
  })

  it("refuses entries of the tenant with the most when too many wait, and of nobody else", async () => {
    const { intake, recorder } = setUp(1000)
    const gate = Promise.withResolvers<void>()
    intake.gate = gate.promise
    const first = recorder.record(sampleEvent())
    await settled()
    const record = (tenantId: string, count: number) =>
      Promise.allSettled(Array.from({ length: count }, () => recorder.record(sampleEvent({ tenantId }))))
    const noisy = record("noisy", 1100)
    const quiet = record("quiet", 300)
    const third = record("third", 1)
    gate.resolve()
    await first
    expect((await quiet).every(({ status }) => status === "fulfilled")).toBe(true)
    expect((await third)[0]?.status).toBe("fulfilled")
    const refused = (await noisy).filter((outcome) => outcome.status === "rejected")
    expect(refused).toHaveLength(401)
    expect(refused[0]?.reason).toMatchObject({ code: "AUDIT_QUEUE_FULL", origin: "caller", retryable: true })
    await expect(recorder.record(sampleEvent({ tenantId: "noisy" }))).resolves.toBeDefined()
  })

  it("rejects an event that the format cannot represent", async () => {
    const { intake, recorder } = setUp()
    await expect(recorder.record(sampleEvent({ tenantId: "" }))).rejects.toMatchObject({ code: "AUDIT_LEAF_INVALID" })
    expect(intake.batches).toEqual([])
  })

  it("prepares an entry without storing it", () => {
    const { intake, recorder } = setUp()
    expect(decodeLeaf(recorder.prepare(sampleEvent()).leaf).action).toBe("dataKeyGenerate")
    expect(intake.batches).toEqual([])
  })
})
