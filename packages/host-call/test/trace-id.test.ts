import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { traceIdOf } from "../src/index.ts"

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736"
const parentId = "00f067aa0ba902b7"

describe("the trace id of a traceparent", () => {
  it("is its second field", () => {
    expect(traceIdOf(`00-${traceId}-${parentId}-01`)).toBe(traceId)
  })

  it.each([
    ["nothing", undefined],
    ["an empty text", ""],
    ["another version", `01-${traceId}-${parentId}-01`],
    ["a trace id of zeros", `00-${"0".repeat(32)}-${parentId}-01`],
    ["a parent id of zeros", `00-${traceId}-${"0".repeat(16)}-01`],
    ["upper-case digits", `00-${traceId.toUpperCase()}-${parentId}-01`],
    ["a missing field", `00-${traceId}-${parentId}`],
    ["a further field", `00-${traceId}-${parentId}-01-00`],
    ["a line break at its end", `00-${traceId}-${parentId}-01\n`],
  ])("is absent for %s", (_, traceparent) => {
    expect(traceIdOf(traceparent)).toBeUndefined()
  })

  it("is never anything but 32 hexadecimal digits, whatever a caller sends", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 80 }), (text) => {
        expect(traceIdOf(text) ?? traceId).toMatch(/^[0-9a-f]{32}$/)
      }),
    )
  })
})
