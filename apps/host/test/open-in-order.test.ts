import { describe, expect, it } from "vitest"
import { openInOrder } from "../src/open-in-order.ts"

describe("openInOrder", () => {
  it("gives back in reverse order, all of it although one fails", async () => {
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

  it("gives back what was opened before a step that fails, and tells of that step", async () => {
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
