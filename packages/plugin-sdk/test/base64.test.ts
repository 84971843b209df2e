import { randomBytes } from "node:crypto"
import { describe, expect, it } from "vitest"
import { decodeBase64, encodeBase64 } from "../src/index.ts"

describe("base64 from bytes to bytes", () => {
  it("agrees with Node's own for every length up to 300", () => {
    for (let length = 0; length <= 300; length += 1) {
      const bytes = randomBytes(length)
      const text = encodeBase64(bytes)
      expect(text.toString("latin1")).toBe(bytes.toString("base64"))
      expect(decodeBase64(text)).toEqual(bytes)
    }
  })

  it.each(["A", "AAA", "AA=A", "====", "AA==AA==", "A-_A", "AA A", "AAA\n", "AB==", "AAB="])(
    "refuses %j, which is not canonical padded base64",
    (text) => {
      expect(decodeBase64(Buffer.from(text))).toBeUndefined()
    },
  )
})
