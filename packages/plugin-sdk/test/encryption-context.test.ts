import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { encodeEncryptionContext } from "../src/index.ts"

describe("encodeEncryptionContext", () => {
  it("has permanently fixed bytes", () => {
    const bytes = encodeEncryptionContext({ tenantId: "acme", keyId: "0192-ä", keyVersion: 12 })
    expect(Buffer.from(bytes).toString("hex")).toBe(
      `0018${Buffer.from("apeiro-cmk/l1-context/v1").toString("hex")}000461636d650007303139322dc3a400023132`,
    )
  })

  it("differs for any two contexts", () => {
    const context = fc.record({
      tenantId: fc.string({ minLength: 1, unit: "grapheme" }),
      keyId: fc.string({ minLength: 1, unit: "grapheme" }),
      keyVersion: fc.integer({ min: 1 }),
    })
    fc.assert(
      fc.property(context, context, (left, right) => {
        const same =
          left.tenantId === right.tenantId && left.keyId === right.keyId && left.keyVersion === right.keyVersion
        expect(Buffer.compare(encodeEncryptionContext(left), encodeEncryptionContext(right)) === 0).toBe(same)
      }),
    )
    const shifted = encodeEncryptionContext({ tenantId: "ab", keyId: "c", keyVersion: 1 })
    expect(shifted).not.toEqual(encodeEncryptionContext({ tenantId: "a", keyId: "bc", keyVersion: 1 }))
  })

  it("refuses a context without unambiguous bytes", () => {
    const valid = { tenantId: "acme", keyId: "k", keyVersion: 1 }
    for (const change of [
      { tenantId: "" },
      { keyId: "" },
      { keyId: "\ud800" },
      { tenantId: "a".repeat(65_536) },
      { keyVersion: 0 },
      { keyVersion: 1.5 },
      { keyVersion: 2 ** 53 },
    ]) {
      expect(() => encodeEncryptionContext({ ...valid, ...change })).toThrow(
        expect.objectContaining({ code: "INVALID_REQUEST" }),
      )
    }
  })
})
