import { describe, expect, it } from "vitest"
import { giveTogether, type LeasedAnswer } from "../src/index.ts"
import { given, hostCall } from "./in-memory.ts"
import { settle, warm } from "./warm-lease.ts"

const leaseMs = 2_000

/** Every operation on a data key, and the action that its audit entries name. */
const operations = [
  { action: "dataKeyGenerate", begin: ({ leased }: Opened) => leased.generateDataKey("acme", "billing", hostCall()) },
  {
    action: "dataKeyUnwrap",
    begin: ({ leased, envelope }: Opened) => leased.unwrapDataKey("acme", "billing", envelope, hostCall()),
  },
  {
    action: "dataKeyRewrap",
    begin: ({ leased, envelope }: Opened) => leased.rewrapDataKey("acme", "billing", envelope, hostCall()),
  },
] as const

/** Ways to end the lease while the audit entry waits for its commit. */
const ends: Readonly<Record<string, (opened: Opened) => unknown>> = {
  "the process stands still beyond the lease": ({ clock }) => clock.advance(leaseMs),
  "the machine sleeps, so that only the wall clock goes on": ({ clock }) => clock.jumpWall(leaseMs),
  "the wall clock is set back while the lease runs out": ({ clock }) => {
    clock.jumpWall(-3_600_000)
    return clock.advance(leaseMs)
  },
  "the keystore denies a renewal": async (opened) => {
    opened.l1.fail("KEY_DISABLED")
    await opened.clock.advance(0.6 * leaseMs)
    opened.renew()
    await settle()
  },
  "the host closes": ({ leased }) => leased.close(),
}

describe("an answer about a data key", () => {
  for (const { action, begin } of operations) {
    for (const [end, happens] of Object.entries(ends)) {
      it(`of ${action} is refused after its commit when ${end}, and the log says so`, async () => {
        const opened = await open()
        const { plaintexts, result } = await begunBehindLockedTable(opened, begin)
        await happens(opened)
        opened.unlock()
        await expect(result).rejects.toMatchObject({ code: "LEASE_ENDED", origin: "host", retryable: true })
        expect(plaintexts.every((plaintext) => plaintext.every((byte) => byte === 0))).toBe(true)
        const entries = opened.audit.events(action)
        const refusals = entries.filter(({ code }) => code === "LEASE_ENDED")
        expect(refusals).not.toEqual([])
        for (const { resource, outcome, facts } of refusals) {
          const refused = entries.find(({ entryId }) => entryId === facts?.refused_entry_id)
          expect(refused).toMatchObject({ resource, outcome: "success", facts: { service_key: "billing" } })
          expect(outcome).toBe("failure")
        }
        await opened.hierarchy.close()
      })
    }

    it(`of ${action} is given under a lease that was renewed while it waited`, async () => {
      const opened = await open()
      const { result } = await begunBehindLockedTable(opened, begin)
      await opened.clock.advance(0.6 * leaseMs)
      opened.renew()
      await settle()
      opened.unlock()
      await settle()
      await opened.clock.advance(0.6 * leaseMs)
      expect(await result).toHaveProperty("auditEntryId")
      await opened.hierarchy.close()
    })
  }

  it("is refused without an entry for the refusal when that cannot be stored, and never given", async () => {
    const { leased, clock, audit, hierarchy } = await open()
    const answer = await leased.generateDataKey("acme", "billing", hostCall())
    const { plaintext } = answer.result
    await clock.advance(leaseMs)
    audit.setDown(true)
    await expect(given(Promise.resolve(answer))).rejects.toMatchObject({ code: "AUDIT_UNAVAILABLE" })
    expect(plaintext.every((byte) => byte === 0)).toBe(true)
    await hierarchy.close()
  })

  it("waits for a locked table no longer than an audit entry does", async () => {
    const { leased, clock, audit, hierarchy } = await open()
    const answer = await leased.generateDataKey("acme", "billing", hostCall())
    await clock.advance(leaseMs)
    const unlock = audit.hold()
    const refused = expect(given(Promise.resolve(answer))).rejects.toMatchObject({ code: "AUDIT_UNAVAILABLE" })
    await settle()
    await clock.advance(6_500)
    await refused
    unlock()
    await hierarchy.close()
  })
})

describe("answers that are given together", () => {
  it("are looked at again after the last refusal, so that none outlives its lease while it waits for another", async () => {
    const { leased, clock, audit, hierarchy, onboard } = await open()
    const early = await leased.generateDataKey("acme", "billing", hostCall())
    await clock.advance(1_000)
    await onboard("globex")
    await hierarchy.createServiceKey("globex", "billing", hostCall("globex"))
    const late = await leased.generateDataKey("globex", "billing", hostCall("globex"))
    await clock.advance(1_000)
    expect([early.holds(), late.holds()]).toEqual([false, true])
    const unlock = audit.hold()
    const outcomes = givenTogether([early, late])
    await settle()
    await clock.advance(1_000)
    unlock()
    expect(await outcomes).toMatchObject([
      { status: "rejected", reason: { code: "LEASE_ENDED" } },
      { status: "rejected", reason: { code: "LEASE_ENDED" } },
    ])
    await hierarchy.close()
  })

  it("are refused one by one: what still holds is given, and a failure stays what it was", async () => {
    const { leased, clock, hierarchy, onboard } = await open()
    const early = await leased.generateDataKey("acme", "billing", hostCall())
    await onboard("globex")
    await hierarchy.createServiceKey("globex", "billing", hostCall("globex"))
    await clock.advance(leaseMs)
    const late = await leased.generateDataKey("globex", "billing", hostCall("globex"))
    const failed = leased.generateDataKey("acme", "no-such-key", hostCall())
    expect(await givenTogether([early, late, failed])).toMatchObject([
      { status: "rejected", reason: { code: "LEASE_ENDED" } },
      { status: "fulfilled", value: { serviceKeyVersion: 1 } },
      { status: "rejected", reason: { code: "SERVICE_KEY_NOT_FOUND" } },
    ])
    await hierarchy.close()
  })

  it("are not given when their lease ends while they are being prepared", async () => {
    const { leased, clock, hierarchy } = await open()
    const answer = await leased.generateDataKey("acme", "billing", hostCall())
    const prepared: string[] = []
    const outcomes: string[] = []
    await giveTogether([{ status: "fulfilled", value: answer }], ([outcome]) => {
      prepared.push(outcome?.status ?? "none")
      clock.jumpWall(leaseMs)
      return () => outcomes.push(outcome?.status ?? "none")
    })
    expect(prepared).toEqual(["fulfilled", "rejected"])
    expect(outcomes).toEqual(["rejected"])
    await hierarchy.close()
  })
})

type Opened = Awaited<ReturnType<typeof open>>

async function open() {
  const opened = await warm({ leaseMs })
  let unlock: (() => void) | undefined
  return {
    ...opened,
    lock: () => {
      unlock = opened.audit.hold()
    },
    unlock: () => unlock?.(),
    /** Starts a renewal, by a call that nobody waits for. */
    renew: () => void opened.generate().catch(() => undefined),
  }
}

/** Begins an operation whose audit entry waits for its commit. */
async function begunBehindLockedTable(opened: Opened, begin: (opened: Opened) => Promise<LeasedAnswer<object>>) {
  opened.lock()
  const drawn = opened.drawn.length
  const pending = begin(opened)
  const result = given(pending)
  result.catch(() => undefined)
  await settle()
  // The data key of `generate` is a draw of its own; salts are public.
  return { plaintexts: opened.drawn.slice(drawn).filter(({ length }) => length === 32), result }
}

async function givenTogether(answers: readonly (LeasedAnswer<object> | Promise<LeasedAnswer<object>>)[]) {
  const given: PromiseSettledResult<object>[] = []
  const pending = answers.map((answer) => Promise.resolve(answer))
  await giveTogether(await Promise.allSettled(pending), (outcomes) => () => void given.push(...outcomes))
  return given
}
