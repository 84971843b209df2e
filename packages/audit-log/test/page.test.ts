import { describe, expect, it } from "vitest"
import { createAuditRecorder, createAuditSequencer, readAuditLogPage } from "../src/index.ts"
import { InMemoryAudit } from "./in-memory-audit.ts"
import { ManualClock } from "./manual-clock.ts"
import { sampleEvent } from "./sample-events.ts"

async function logWithWaiting(count: number) {
  const audit = new InMemoryAudit()
  const clock = new ManualClock()
  const recorder = createAuditRecorder({ intake: audit, clock, replica: "host-1" })
  for (let index = 0; index < count; index += 1) {
    await recorder.record(sampleEvent({ tenantId: "acme", requestId: `request-${index}` }))
  }
  const sequencer = createAuditSequencer({ log: audit, clock, replica: "host-1", onError: () => undefined })
  return { audit, sequencer }
}

describe("a page of an audit log", () => {
  it("ends with the index of the next one", async () => {
    const { audit, sequencer } = await logWithWaiting(5)
    await sequencer.runOnce()
    const first = await readAuditLogPage(audit, "acme", 0, 3)
    expect(first).toMatchObject({ size: 5, waiting: 0, next: 3 })
    expect(first.entries.map((entry) => entry.index)).toEqual([0, 1, 2])
    expect(await readAuditLogPage(audit, "acme", 3, 3)).toMatchObject({ size: 5, next: 5 })
    expect(await readAuditLogPage(audit, "acme", 5, 3)).toMatchObject({ entries: [], size: 5, next: 5 })
  })

  it.each(["waiting", "head", "entries"] as const)(
    "misses no recorded entry while the sequencer runs: just before it reads %s",
    async (moment) => {
      const { audit, sequencer } = await logWithWaiting(3)
      const before = async <Answer>(name: typeof moment, read: () => Promise<Answer>) => {
        if (name === moment) await sequencer.runOnce()
        return read()
      }
      const page = await readAuditLogPage(
        {
          waiting: (tenantId) => before("waiting", () => audit.waiting(tenantId)),
          head: (tenantId) => before("head", () => audit.head(tenantId)),
          entries: (tenantId, from, limit) => before("entries", () => audit.entries(tenantId, from, limit)),
        },
        "acme",
        0,
        100,
      )
      expect(page.size + page.waiting).toBeGreaterThanOrEqual(3)
      expect(page.entries).toHaveLength(page.next)
    },
  )
})
