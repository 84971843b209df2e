import type { KeystoreV1 } from "@apeiro-cmk/plugin-interface"
import { fakeClock } from "@apeiro-cmk/plugin-sdk/testing"
import { describe, expect, it } from "vitest"
import { KeystoreHandles } from "../src/kinds/keystore/keystore-handles.ts"

const { signal } = new AbortController()

function setUp(bounds = { maximumOpen: 3, maximumPerTenant: 2, idleMs: 1000 }) {
  const opened: string[] = []
  const closed: string[] = []
  const clock = fakeClock()
  const open = async (configuration: Readonly<Record<string, unknown>>): Promise<KeystoreV1> => {
    const name = String(configuration.name)
    opened.push(name)
    // Only the part that handles use.
    return { close: async () => void closed.push(name) } as unknown as KeystoreV1
  }
  const handles = new KeystoreHandles(open, clock, bounds)
  const use = (configuration: Record<string, never> | Record<string, unknown>, accessData = {}) =>
    handles.use({ configuration: configuration as never, accessData }, signal, async () => "done")
  return { handles, use, opened, closed, clock }
}

describe("keystores by their configuration", () => {
  it("are opened once for many concurrent calls, in whatever order the members come", async () => {
    const { use, opened } = setUp()
    await Promise.all([
      use({ name: "a", more: { x: 1, y: [1, 2] } }),
      use({ more: { y: [1, 2], x: 1 }, name: "a" }),
      use({ name: "a", more: { y: [1, 2], x: 1 } }),
    ])
    expect(opened).toEqual(["a"])
    await use({ name: "a", more: { x: 1, y: [2, 1] } })
    await use({ name: "a", more: [["x", 1] as const, ["y", [1, 2]] as const] })
    expect(opened).toEqual(["a", "a", "a"])
  })

  it("are closed when nobody has used them for the idle time, without another call", async () => {
    const { use, closed, clock } = setUp()
    await use({ name: "a" })
    await clock.advance(1000)
    expect(closed).toEqual(["a"])
  })

  it("are closed with the plugin that had them, and opened again in the one that replaces it", async () => {
    const { handles, use, opened, closed } = setUp()
    await use({ name: "a" })
    await handles.close()
    expect(closed).toEqual(["a"])
    await use({ name: "a" })
    expect(opened).toEqual(["a", "a"])
  })

  it("share one part of the bounds when they are keys of one keystore: unknown key ids close no other keystore", async () => {
    const { use, closed } = setUp()
    await use({ name: "registered" }, { address: "one" })
    for (const name of ["x", "y", "z"]) await use({ name }, { address: "two" })
    expect(closed).toEqual(["x"])
  })
})
