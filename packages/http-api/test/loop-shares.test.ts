import { fakeClock } from "@apeiro-cmk/plugin-sdk/testing"
import { describe, expect, it } from "vitest"
import { LoopShares } from "../src/pipeline/loop-shares.ts"

/** Shares of a loop that works a millisecond for each unit. */
function setUp() {
  const clock = fakeClock()
  let activeMs = 0
  const shares = new LoopShares(clock, () => activeMs)
  const begin = async (owner: string, units: number) => {
    await shares.turn(owner, units)
    activeMs += units
  }
  /** Sends requests one after another, some at a time, and counts those that began. */
  const flood = (owner: string, units: number, atOnce = 20) => {
    const counted = { begun: 0, refusals: [] as unknown[], isOver: false }
    const loop = async () => {
      while (!counted.isOver) {
        await begin(owner, units).then(
          () => (counted.begun += 1),
          (error: unknown) => counted.refusals.push(error),
        )
        await new Promise((resolve) => clock.after(1, () => resolve(undefined)))
      }
    }
    for (let index = 0; index < atOnce; index += 1) void loop()
    return counted
  }
  /** Sends one request at regular intervals. @returns how many of them had to wait */
  const steady = async (owner: string, units: number, everyMs: number, count: number) => {
    let waited = 0
    for (let index = 0; index < count; index += 1) {
      let hasBegun = false
      const begun = begin(owner, units).then(() => (hasBegun = true))
      await clock.advance(0)
      if (!hasBegun) waited += 1
      await clock.advance(everyMs)
      await begun
    }
    return waited
  }
  return { clock, begin, flood, steady }
}

describe("shares of the event loop", () => {
  it("are the whole loop for one owner alone", async () => {
    const { clock, flood } = setUp()
    const alone = flood("tenant a", 1)
    await clock.advance(3000)
    alone.isOver = true
    expect(alone.begun).toBeGreaterThan(2900)
  })

  it("make an owner wait that floods the loop, and nobody else", async () => {
    const { clock, flood, steady } = setUp()
    const flooding = flood("tenant a", 1)
    await clock.advance(1000)
    expect(await steady("tenant b", 1, 10, 300)).toBe(0)
    flooding.begun = 0
    expect(await steady("tenant b", 1, 10, 300)).toBe(0)
    flooding.isOver = true
    expect(flooding.begun).toBeLessThan(0.5 * 3000)
    expect(flooding.begun).toBeGreaterThan(0.25 * 3000)
  })

  it("count the work of a request, not the requests", async () => {
    const { clock, flood, steady } = setUp()
    const flooding = flood("tenant a", 10)
    await clock.advance(1000)
    flooding.begun = 0
    expect(await steady("tenant b", 1, 10, 300)).toBe(0)
    flooding.isOver = true
    expect(flooding.begun).toBeLessThan(0.05 * 3000)
  })

  it("are even among those who want more than there is, and leave little of the loop unused", async () => {
    const { clock, flood } = setUp()
    const floods = [flood("tenant a", 1, 100), flood("tenant b", 1, 20), flood("tenant c", 2)]
    await clock.advance(2000)
    for (const counted of floods) counted.begun = 0
    await clock.advance(5000)
    for (const counted of floods) counted.isOver = true
    const [a = 0, b = 0, c = 0] = floods.map(({ begun }) => begun)
    expect(a / b).toBeCloseTo(1, 1)
    expect((2 * c) / b).toBeCloseTo(1, 1)
    expect(a + b + 2 * c).toBeGreaterThan(0.8 * 5000)
  })

  it("leave an owner that asks for little its own, however many others there are beside a flood", async () => {
    const { clock, begin, flood, steady } = setUp()
    const flooding = flood("tenant a", 1, 60)
    const quiet = Array.from({ length: 100 }, async (_none, index) => {
      for (let round = 0; round < 5; round += 1) {
        await begin(`quiet ${index}`, 1)
        await new Promise((resolve) => clock.after(800, () => resolve(undefined)))
      }
    })
    await clock.advance(1000)
    expect(await steady("tenant b", 2, 40, 70)).toBe(0)
    flooding.isOver = true
    await clock.advance(1000)
    await Promise.all(quiet)
  })

  it("let plain requests pass the long work of the same owner", async () => {
    const { clock, begin, flood, steady } = setUp()
    const flooding = flood("tenant a", 1)
    await clock.advance(1000)
    for (let index = 0; index < 5; index += 1) begin("tenant b", 20).catch(() => undefined)
    expect(await steady("tenant b", 1, 20, 50)).toBe(0)
    flooding.isOver = true
  })

  it("refuse what does not get its turn in time, with what to do", async () => {
    const { flood, steady } = setUp()
    const flooding = flood("tenant a", 20, 200)
    await steady("tenant b", 1, 10, 400)
    flooding.isOver = true
    expect(flooding.refusals[0]).toMatchObject({ code: "TOO_MANY_REQUESTS", retryable: true, retryAfterMs: 1000 })
  })

  it("are the whole loop again when the others have been silent for a second", async () => {
    const { clock, begin, flood } = setUp()
    const flooding = flood("tenant a", 1)
    await begin("tenant b", 1)
    await clock.advance(2000)
    flooding.begun = 0
    await clock.advance(1000)
    flooding.isOver = true
    expect(flooding.begun).toBeGreaterThan(900)
  })
})
