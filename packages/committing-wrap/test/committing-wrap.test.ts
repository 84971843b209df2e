import { randomBytes } from "node:crypto"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { openCommitted, sealCommitted } from "../src/index.ts"

const random = { bytes: (length: number) => randomBytes(length) }
const bytes = (constraints: { minLength?: number; maxLength: number }) => fc.uint8Array(constraints)
const rejected = expect.objectContaining({ code: "CIPHERTEXT_REJECTED", message: "The wrap does not open." })

describe("committing wrap", () => {
  it("opens what it sealed, for any plaintext", () => {
    fc.assert(
      fc.property(bytes({ maxLength: 300 }), bytes({ maxLength: 300 }), (header, plaintext) => {
        const parent = randomBytes(32)
        const sealed = sealCommitted({ parent, label: "test", header, plaintext, random })
        expect(Buffer.from(openCommitted({ parent, label: "test", header, sealed }))).toEqual(Buffer.from(plaintext))
      }),
    )
  })

  it("never seals the same way twice", () => {
    const parent = randomBytes(32)
    const request = { parent, label: "test", header: Buffer.from("h"), plaintext: Buffer.from("p"), random }
    expect(sealCommitted(request)).not.toEqual(sealCommitted(request))
  })

  it("is bound to parent, label and header", () => {
    const parent = randomBytes(32)
    const request = { parent, label: "test", header: Buffer.from("header") }
    const sealed = sealCommitted({ ...request, plaintext: Buffer.from("secret"), random })
    for (const other of [
      { ...request, parent: randomBytes(32) },
      { ...request, label: "tesu" },
      { ...request, header: Buffer.from("headeR") },
      // The same bytes, split at another place.
      { ...request, label: "testh", header: Buffer.from("eader") },
    ]) {
      expect(() => openCommitted({ ...other, sealed })).toThrow(rejected)
    }
  })

  it("refuses any altered byte, any truncation and any extension", () => {
    const parent = randomBytes(32)
    const request = { parent, label: "test", header: Buffer.from("header") }
    const sealed = sealCommitted({ ...request, plaintext: Buffer.from("some secret"), random })
    fc.assert(
      fc.property(fc.nat(sealed.length * 8 - 1), (bit) => {
        const altered = Buffer.from(sealed)
        altered.writeUInt8(altered.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3)
        expect(() => openCommitted({ ...request, sealed: altered })).toThrow(rejected)
      }),
      { numRuns: 500 },
    )
    for (let length = 0; length < sealed.length; length += 1) {
      expect(() => openCommitted({ ...request, sealed: sealed.subarray(0, length) })).toThrow(rejected)
    }
    expect(() => openCommitted({ ...request, sealed: Buffer.concat([sealed, Buffer.alloc(1)]) })).toThrow(rejected)
  })

  it("accepts a parent of 256 bits only", () => {
    for (const length of [0, 16, 24, 31, 33, 64]) {
      const request = { parent: randomBytes(length), label: "test", header: Buffer.from("header") }
      expect(() => sealCommitted({ ...request, plaintext: Buffer.from("p"), random })).toThrow(RangeError)
    }
  })
})
