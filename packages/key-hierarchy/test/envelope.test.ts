import { randomBytes } from "node:crypto"
import { sealCommitted } from "@apeiro-cmk/committing-wrap"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { decodeEnvelope, type EnvelopeHeader, encodeEnvelope, encodeEnvelopeHeader } from "../src/index.ts"

const random = { bytes: (length: number) => randomBytes(length) }
const header: EnvelopeHeader = {
  kind: "dataKey",
  tenantId: "acme",
  keyId: "019ab6f0-0000-7000-8000-000000000001",
  keyVersion: 1,
  parentKeyId: "019ab6f0-0000-7000-8000-000000000002",
  parentKeyVersion: 7,
}
const seal = (of: EnvelopeHeader, plaintext = randomBytes(32)) =>
  sealCommitted({ parent: randomBytes(32), label: "test", header: encodeEnvelopeHeader(of), plaintext, random })

describe("envelope", () => {
  it("reads back any header that it writes", () => {
    const id = fc.stringMatching(/^[\x21-\x7e]{1,64}$/)
    const version = fc.integer({ min: 1, max: 0xffff_ffff })
    const headers = fc.record({
      kind: fc.constantFrom("serviceKey" as const, "dataKey" as const),
      tenantId: id,
      keyId: id,
      keyVersion: version,
      parentKeyId: id,
      parentKeyVersion: version,
    })
    fc.assert(
      fc.property(headers, (any) => {
        const envelope = encodeEnvelope(any, seal(any))
        expect(envelope.length).toBeLessThanOrEqual(1024)
        expect(decodeEnvelope(envelope)?.header).toEqual(any)
      }),
    )
  })

  it("does not accept bytes whose shape is altered", () => {
    const envelope = Buffer.from(encodeEnvelope(header, seal(header)))
    const alter = (offset: number, value: number) => {
      const altered = Buffer.from(envelope)
      altered.writeUInt8(value, offset)
      return altered
    }
    for (const bytes of [
      Buffer.alloc(0),
      alter(0, 0x42),
      alter(4, 0),
      alter(4, 2),
      alter(5, 0),
      alter(5, 3),
      Buffer.concat([envelope, Buffer.alloc(1)]),
      Buffer.concat([envelope, Buffer.alloc(2000)]),
    ]) {
      expect(decodeEnvelope(bytes)).toBeUndefined()
    }
    for (let length = 0; length < envelope.length; length += 1) {
      expect(decodeEnvelope(envelope.subarray(0, length))).toBeUndefined()
    }
  })

  it("survives any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 1200 }), (bytes) => {
        const prefixed = Buffer.concat([Buffer.from("ACMK\u0001\u0002", "latin1"), bytes])
        expect(decodeEnvelope(bytes)).toBeUndefined()
        expect(decodeEnvelope(prefixed)).toBeUndefined()
      }),
    )
  })

  it("does not write a header that is out of bounds", () => {
    for (const wrong of [
      { tenantId: "" },
      { tenantId: "a".repeat(65) },
      { tenantId: "acmé" },
      { keyId: "with space" },
      { keyVersion: 0 },
      { keyVersion: 1.5 },
      { parentKeyVersion: 2 ** 32 },
    ]) {
      expect(() => encodeEnvelopeHeader({ ...header, ...wrong })).toThrow(RangeError)
    }
    expect(() => encodeEnvelope(header, seal(header, randomBytes(31)))).toThrow(RangeError)
  })
})
