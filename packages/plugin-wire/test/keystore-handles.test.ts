import type { KeystoreV1 } from "@apeiro-cmk/plugin-interface"
import { describe, expect, it } from "vitest"
import { KeystoreHandles } from "../src/kinds/keystore/keystore-handles.ts"

function setUp(bounds = { maximumOpen: 2, idleMs: 1000 }) {
  const opened: string[] = []
  const closed: string[] = []
  const clock = { nowMs: 0, failures: 0 }
  const open = async (configuration: Readonly<Record<string, unknown>>): Promise<KeystoreV1> => {
    const name = String(configuration.name)
    opened.push(name)
    await Promise.resolve()
    if (clock.failures > 0) {
      clock.failures -= 1
      throw new Error("it does not open")
    }
    // Only the part that handles use.
    return { close: async () => void closed.push(name) } as unknown as KeystoreV1
  }
  const handles = new KeystoreHandles(open, () => clock.nowMs, bounds)
  const use = (name: string, more: Record<string, string> = {}) => handles.use({ name, ...more }, async () => name)
  return { handles, use, opened, closed, clock }
}

describe("keystores by their configuration", () => {
  it("are opened once for many concurrent calls, in whatever order the members come", async () => {
    const { handles, opened } = setUp()
    const work = async () => "done"
    await Promise.all([
      handles.use({ name: "a", more: { x: 1, y: [1, 2] } }, work),
      handles.use({ more: { y: [1, 2], x: 1 }, name: "a" }, work),
    ])
    expect(opened).toEqual(["a"])
    await handles.use({ name: "a", more: { x: 1, y: [2, 1] } }, work)
    expect(opened).toEqual(["a", "a"])
  })

  it("are opened again after a failure, for every caller that waited", async () => {
    const { use, opened, clock } = setUp()
    clock.failures = 1
    const outcomes = await Promise.allSettled([use("a"), use("a")])
    expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected"])
    expect(await use("a")).toBe("a")
    expect(opened).toEqual(["a", "a"])
  })

  it("are closed when there are too many, the least recently used first", async () => {
    const { use, closed } = setUp()
    for (const name of ["a", "b", "a", "c"]) await use(name)
    expect(closed).toEqual(["b"])
  })

  it("are closed when nobody has used them for long", async () => {
    const { use, closed, clock } = setUp()
    await use("a")
    clock.nowMs = 1001
    await use("b")
    expect(closed).toEqual(["a"])
  })

  it("are not closed while somebody works with them", async () => {
    const { handles, use, closed } = setUp()
    const { promise: working, resolve: finish } = Promise.withResolvers<void>()
    const first = handles.use({ name: "a" }, () => working)
    for (const name of ["b", "c", "d"]) await use(name)
    await handles.close()
    expect(closed).not.toContain("a")
    finish()
    await first
    expect(closed.toSorted()).toEqual(["a", "b", "c", "d"])
  })
})
