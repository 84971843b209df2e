import { describe, expect, it } from "vitest"
import { jsonFault } from "../src/json-fault.ts"

describe("jsonFault", () => {
  it.each([
    ["{", 1, 2],
    ['{"a":}', 1, 6],
    ['{"a":1,}', 1, 8],
    ['{\n  "a": tru\n}', 2, 11],
    ['{\n  "a": 1,\n  "b" 2\n}', 3, 7],
    ["[1, 2", 1, 6],
    ["x", 1, 1],
    ['{"a": 1}\nx', 2, 1],
    ["{'a': 1}", 1, 2],
    ["", 1, 1],
  ])("finds the place in %j", (text, line, column) => {
    expect(jsonFault(text)).toEqual({ line, column })
  })

  it("finds nothing in JSON", () => {
    for (const text of ["null", ' {"a": [1, "}"]} \n', '""']) expect(jsonFault(text)).toBeUndefined()
  })
})
