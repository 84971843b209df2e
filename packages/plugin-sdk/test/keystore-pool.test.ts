import type { KeystoreV1 } from "@apeiro-cmk/plugin-interface"
import { describe, expect, it } from "vitest"
import { KeystorePool } from "../src/index.ts"
import { fakeClock } from "../src/testing.ts"

const { signal } = new AbortController()

function setUp(bounds = { maximumOpen: 4, maximumPerTenant: 3, idleMs: 1000 }) {
  const clock = fakeClock()
  const pool = new KeystorePool({ bounds, clock })
  const opened: string[] = []
  const closed: string[] = []
  const faults = { opening: undefined as Error | undefined }
  const wanted = (name: string, tenantId = name.slice(0, 1)) => ({
    ...{ name, tenantId, tag: undefined },
    async open(): Promise<KeystoreV1> {
      opened.push(name)
      await Promise.resolve()
      if (faults.opening !== undefined) throw faults.opening
      // Only the part that the pool uses.
      return { close: async () => void closed.push(name) } as unknown as KeystoreV1
    },
  })
  const use = (name: string, tenantId?: string) => pool.use(wanted(name, tenantId), signal, async () => name)
  /** Settles the closings that a call has begun. */
  const settled = () => clock.advance(0)
  return { pool, clock, opened, closed, faults, wanted, use, settled }
}

describe("a pool of opened keystores", () => {
  it("opens once for all who ask meanwhile, and keeps no failure", async () => {
    const { use, opened, faults } = setUp()
    faults.opening = new Error("it does not open")
    const outcomes = await Promise.allSettled([use("a1"), use("a1")])
    expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected"])
    faults.opening = undefined
    expect(await Promise.all([use("a1"), use("a1")])).toEqual(["a1", "a1"])
    expect(opened).toEqual(["a1", "a1"])
  })

  it("closes what has been idle too long, each at its time and without another call; a use begins the time again", async () => {
    const { pool, use, closed, clock } = setUp()
    await use("a1")
    await clock.advance(500)
    await use("b1")
    await clock.advance(400)
    await use("a1")
    await clock.advance(600)
    expect(closed).toEqual(["b1"])
    await clock.advance(400)
    expect(closed).toEqual(["b1", "a1"])
    expect([pool.size, clock.pendingTimers()]).toEqual([0, 0])
  })

  it("never closes what is in use, however long that takes", async () => {
    const { pool, wanted, use, closed, clock } = setUp()
    const held = pool.hold(wanted("a1"))
    await clock.advance(60_000)
    for (const name of ["b1", "b2", "b3", "b4", "c1", "c2"]) await use(name)
    await clock.advance(60_000)
    expect(closed).not.toContain("a1")
    held.release()
    held.release()
    await clock.advance(1000)
    expect(closed.at(-1)).toBe("a1")
  })

  it("has a tenant with very many keystores close its own, whatever order they come in", async () => {
    const { use, closed } = setUp()
    await use("b1")
    for (let number = 0; number < 1000; number += 1) await use(`a${number}`)
    await use("b1")
    expect(closed.every((name) => name.startsWith("a"))).toBe(true)
    expect(closed).toHaveLength(997)
  })

  it("makes room at the tenant with the most when it is full, and at the asking one when it has as many", async () => {
    const { use, closed, settled } = setUp()
    for (const name of ["b1", "a1", "a2", "a3", "c1"]) await use(name)
    await settled()
    expect(closed).toEqual(["a1"])
    await use("c2")
    await settled()
    expect(closed).toEqual(["a1", "a2"])
    await use("c3")
    await settled()
    expect(closed).toEqual(["a1", "a2", "c1"])
  })

  it("refuses one more, as busy, where everything that could make room is in use", async () => {
    const { pool, wanted, use } = setUp()
    const held = ["a1", "a2", "a3"].map((name) => pool.hold(wanted(name)))
    expect(() => pool.hold(wanted("a4"))).toThrow(expect.objectContaining({ code: "THROTTLED", origin: "host" }))
    expect(await use("b1")).toBe("b1")
    for (const each of held) each.release()
    expect(await use("a4")).toBe("a4")
  })

  it("closes what was retired when its last user has ended; another use opens it again", async () => {
    const { pool, wanted, use, opened, closed, settled } = setUp()
    const held = pool.hold(wanted("a1"))
    pool.retire("a1")
    await use("a1")
    expect([opened, closed]).toEqual([["a1", "a1"], []])
    held.release()
    await settled()
    expect(closed).toEqual(["a1"])
  })

  it("replaces what no longer serves", async () => {
    const { pool, wanted, opened, closed, settled } = setUp()
    pool.hold({ ...wanted("a1"), serves: () => false }).release()
    pool.hold({ ...wanted("a1"), serves: () => true }).release()
    pool.hold({ ...wanted("a1"), serves: () => false }).release()
    await settled()
    expect([opened, closed]).toEqual([["a1", "a1"], ["a1"]])
  })

  it("waits for its users when it closes, but not forever, and serves nobody afterwards", async () => {
    const { pool, wanted, use, closed, clock } = setUp()
    const [quick, slow] = [pool.hold(wanted("a1")), pool.hold(wanted("a2"))]
    await use("b1")
    const closing = pool.close()
    await clock.advance(100)
    expect(closed).toEqual(["b1"])
    quick.release()
    await clock.advance(100)
    expect(closed).toEqual(["b1", "a1"])
    await clock.advance(2000)
    await closing
    slow.release()
    expect(closed).toEqual(["b1", "a1", "a2"])
    await expect(use("a1")).rejects.toMatchObject({ code: "CANCELLED", origin: "host" })
    expect(clock.pendingTimers()).toBe(0)
  })
})
