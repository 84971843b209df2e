import { describe, expect, it } from "vitest"
import { FairShares, type FairSharesOptions } from "../src/calls/fair-shares.ts"
import { pluginError } from "../src/index.ts"
import { fakeClock } from "../src/testing.ts"

const exhausted = () => pluginError("THROTTLED", "All are taken.", "Try again.", { origin: "host" })

function sharesOf(capacity: number, options: Partial<FairSharesOptions> = {}) {
  const clock = fakeClock()
  const settings = { capacity, mostWaitingPerTenant: 100, longestWaitMs: 1000, clock, exhausted, ...options }
  return { shares: new FairShares(settings), clock }
}

/** Takes permits for a tenant until it has to wait. @returns what gives each of them back, in order */
async function takeAll(shares: FairShares, tenantId: string): Promise<(() => void)[]> {
  const taken: (() => void)[] = []
  for (;;) {
    let isGranted = false
    const caller = new AbortController()
    const taking = shares.take(tenantId, caller.signal).then((release) => {
      isGranted = true
      taken.push(release)
    })
    await new Promise((resolve) => setImmediate(resolve))
    if (isGranted) continue
    caller.abort()
    await expect(taking).rejects.toMatchObject({ code: "CANCELLED" })
    return taken
  }
}

describe("fair shares", () => {
  it.each([1, 2, 3, 5, 16, 64])(
    "of %i permits leave one for each newcomer, and are never more than there are",
    async (capacity) => {
      const { shares } = sharesOf(capacity)
      const counts: number[] = []
      for (let tenant = 0; tenant < 40; tenant += 1) counts.push((await takeAll(shares, `tenant-${tenant}`)).length)
      const sum = counts.reduce((left, right) => left + right, 0)
      expect(sum).toBe(capacity)
      expect(counts[0]).toBe(Math.max(1, Math.floor(capacity / 2)))
      const served = counts.filter((count) => count > 0).length
      expect(served).toBeGreaterThanOrEqual(Math.min(capacity, Math.floor(Math.log2(capacity)) + 1))
    },
  )

  it("are at most the stated number for one tenant", async () => {
    const { shares } = sharesOf(64, { mostPerTenant: 4 })
    expect(await takeAll(shares, "acme")).toHaveLength(4)
    expect(await takeAll(shares, "globex")).toHaveLength(4)
  })

  it("serve those who wait in turn by tenant, however many of one tenant wait", async () => {
    const { shares } = sharesOf(2)
    const first = await shares.take("a", undefined)
    const second = await shares.take("b", undefined)
    const order: string[] = []
    const waiting = ["a", "a", "a", "a", "c", "d"].map(async (tenantId) => {
      const release = await shares.take(tenantId, undefined)
      order.push(tenantId)
      await new Promise((resolve) => setImmediate(resolve))
      release()
    })
    second()
    first()
    await Promise.all(waiting)
    expect(order.slice(0, 3).toSorted()).toEqual(["a", "c", "d"])
    expect(shares.isIdle).toBe(true)
  })

  it("end a wait at its bound, and refuse to wait where too many of the tenant wait already", async () => {
    const { shares, clock } = sharesOf(1, { mostWaitingPerTenant: 2 })
    const release = await shares.take("a", undefined)
    const waits = [shares.take("b", undefined), shares.take("b", undefined)]
    await expect(shares.take("b", undefined)).rejects.toMatchObject({
      code: "THROTTLED",
      origin: "host",
      retryable: true,
    })
    const ended = Promise.all(waits.map((wait) => expect(wait).rejects.toMatchObject({ code: "THROTTLED" })))
    await clock.advance(1000)
    await ended
    release()
    expect(shares.isIdle).toBe(true)
    expect(clock.pendingTimers()).toBe(0)
  })

  it("lose no permit to a caller that gives up while it waits, or releases twice", async () => {
    const { shares } = sharesOf(1)
    const release = await shares.take("a", undefined)
    const caller = new AbortController()
    const waiting = shares.take("b", caller.signal)
    caller.abort()
    await expect(waiting).rejects.toMatchObject({ code: "CANCELLED" })
    release()
    release()
    const again = await shares.take("c", undefined)
    expect(await takeAll(shares, "d")).toHaveLength(0)
    again()
    expect(shares.isIdle).toBe(true)
  })
})
