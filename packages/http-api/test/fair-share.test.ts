import { describe, expect, it } from "vitest"
import { FairShare } from "../src/pipeline/fair-share.ts"

/** Takes one at a time until it is refused. @returns how many it got */
function takeAll(share: FairShare, owner: string): number {
  let taken = 0
  while (share.take(owner, 1) !== undefined) taken++
  return taken
}

describe("a fair share", () => {
  it("is half for one owner alone, and what others leave is shared in the same way", () => {
    const share = new FairShare(1200)
    expect(takeAll(share, "a")).toBe(600)
    expect(takeAll(share, "b")).toBe(300)
    expect(takeAll(share, "c")).toBe(150)
  })

  it("is equal for owners that take in turn, and leaves as much for the next one", () => {
    const share = new FairShare(1200)
    const taken = { a: 0, b: 0, c: 0 }
    for (let turn = 0; turn < 1200; turn++) {
      for (const owner of ["a", "b", "c"] as const) if (share.take(owner, 1) !== undefined) taken[owner]++
    }
    expect(taken).toEqual({ a: 300, b: 300, c: 300 })
    expect(takeAll(share, "d")).toBe(150)
  })

  it("grows again with each release", () => {
    const share = new FairShare(4)
    const first = share.take("a", 2)
    expect(share.take("a", 1)).toBeUndefined()
    first?.()
    expect(share.take("a", 2)).toBeDefined()
  })

  it("counts what could not be refused", () => {
    const share = new FairShare(10)
    const release = share.hold("a", 8)
    expect(share.hasRoom("a")).toBe(false)
    expect(share.take("b", 2)).toBeUndefined()
    release()
    expect(share.hasRoom("a")).toBe(true)
    expect(share.take("b", 2)).toBeDefined()
  })
})
