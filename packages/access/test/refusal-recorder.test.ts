import type { AuditEvent, AuditRecorder } from "@apeiro-cmk/audit-log"
import { fakeClock, logSink } from "@apeiro-cmk/plugin-sdk/testing"
import { describe, expect, it } from "vitest"
import { RefusalRecorder, refusalsRecordedPerMinute } from "../src/refusal-recorder.ts"

const anonymous = { caller: { type: "anonymous" }, code: "UNAUTHENTICATED", route: "GET /v1/tenants" } as const

function recorder() {
  const events: AuditEvent[] = []
  const prepare: AuditRecorder["prepare"] = ({ tenantId }) => ({
    entryId: "1",
    tenantId,
    recordedAtMs: 0,
    leaf: new Uint8Array(),
  })
  const audit: AuditRecorder = {
    prepare,
    record: async (event) => {
      events.push(event)
      return prepare(event)
    },
  }
  const clock = fakeClock()
  return { events, clock, refusals: new RefusalRecorder(audit, clock, logSink()) }
}

describe("refused requests", () => {
  it("have an entry each up to the bound, and one entry with the count of the others when the minute is over", async () => {
    const { events, clock, refusals } = recorder()
    for (let sent = 0; sent < refusalsRecordedPerMinute + 5; sent++) {
      await refusals.record({ ...anonymous, requestId: `${sent}` })
    }
    expect(events).toHaveLength(refusalsRecordedPerMinute)
    await clock.advance(60_000)
    expect(events).toHaveLength(refusalsRecordedPerMinute + 1)
    expect(events.at(-1)).toMatchObject({ action: "unauthenticatedRequest", facts: { requests: 5 } })
    await refusals.record({ ...anonymous, requestId: "later" })
    expect(events.at(-1)).toMatchObject({ requestId: "later" })
    await refusals.close()
  })

  it("are bounded for each token separately", async () => {
    const { events, refusals } = recorder()
    for (const tokenId of ["one", "two"]) {
      for (let sent = 0; sent < 100; sent++) {
        const caller = { type: "token", tokenId, tenantId: "acme", role: "reader" } as const
        await refusals.record({ ...anonymous, caller, code: "FORBIDDEN", requestId: `${sent}` })
      }
    }
    expect(events).toHaveLength(2 * refusalsRecordedPerMinute)
    await refusals.close()
    expect(events.slice(-2).map((event) => event.facts?.requests)).toEqual([40, 40])
  })
})
