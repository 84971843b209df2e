import { describe, expect, it } from "vitest"
import { openInOrder } from "../src/open-in-order.ts"

describe("openInOrder", () => {
  it("closes everything in reverse order, even when one fails", async () => {
    const closed: string[] = []
    const opened = await openInOrder(
      async (defer) => {
        defer(() => void closed.push("first"))
        defer(() => Promise.reject(new Error("second will not")))
        defer(async () => void closed.push("third"))
        return 3
      },
      () => undefined,
    )
    expect(opened.value).toBe(3)
    await expect(opened.close()).rejects.toThrow("second will not")
    expect(closed).toEqual(["third", "first"])
    await opened.close()
  })

  it("closes everything opened before a failed step, and throws that step's error", async () => {
    const closed: string[] = []
    const failures: unknown[] = []
    const opening = openInOrder(
      async (defer) => {
        defer(() => void closed.push("first"))
        defer(() => Promise.reject(new Error("cannot close")))
        throw new Error("cannot open")
      },
      (error) => failures.push(error),
    )
    await expect(opening).rejects.toThrow("cannot open")
    expect(closed).toEqual(["first"])
    expect(failures).toHaveLength(1)
  })
})
