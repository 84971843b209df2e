import { createHash, createSecretKey, generateKeyPairSync } from "node:crypto"
import { describe, expect, it } from "vitest"
import { aes256GcmOpen, aes256GcmSeal, hkdfSha512 } from "../src/index.ts"
import { aesGcmGroups, hkdfCases, vectorsMissing } from "./published-vectors.ts"

const reason = vectorsMissing()
const none = new Uint8Array(0)

describe.skipIf(reason !== undefined)(
  `published vectors (Wycheproof)${reason === undefined ? "" : `: ${reason}`}`,
  () => {
    const isOurs = (group: { keySize: number; ivSize: number; tagSize: number }) =>
      group.keySize === 256 && group.ivSize === 96 && group.tagSize === 128
    const groups = reason === undefined ? aesGcmGroups() : []

    it("seals and opens every valid AES-256-GCM case, and refuses every invalid one", () => {
      const cases = groups.filter(isOurs).flatMap((group) => group.tests)
      expect(cases.length).toBeGreaterThan(50)
      for (const { tcId, key, iv, aad, msg, ct, tag, result } of cases) {
        const open = () => aes256GcmOpen(key, iv, { ciphertext: ct, tag }, aad)
        if (result === "valid") {
          const sealed = aes256GcmSeal(createSecretKey(key), iv, msg, aad)
          expect(Buffer.from(sealed.ciphertext), `case ${tcId}`).toEqual(ct)
          expect(Buffer.from(sealed.tag), `case ${tcId}`).toEqual(tag)
          expect(Buffer.from(open()), `case ${tcId}`).toEqual(msg)
        } else {
          expect(open, `case ${tcId}`).toThrow(expect.objectContaining({ code: "CIPHERTEXT_REJECTED" }))
        }
      }
    })

    it("refuses every case with another key, nonce or tag size", () => {
      const cases = groups.filter((group) => !isOurs(group)).flatMap((group) => group.tests)
      expect(cases.length).toBeGreaterThan(50)
      for (const { tcId, key, iv, aad, msg, ct, tag } of cases) {
        expect(() => aes256GcmSeal(key, iv, msg, aad), `case ${tcId}`).toThrow(RangeError)
        expect(() => aes256GcmOpen(key, iv, { ciphertext: ct, tag }, aad), `case ${tcId}`).toThrow(RangeError)
      }
    })

    it("derives every HKDF-SHA-512 case, and refuses what is longer than HKDF can derive", () => {
      const cases = reason === undefined ? hkdfCases() : []
      expect(cases.length).toBeGreaterThan(50)
      for (const { tcId, ikm, salt, info, size, okm, result } of cases) {
        const derive = () => hkdfSha512(ikm, salt, info, size)
        if (result === "valid") expect(Buffer.from(derive()), `case ${tcId}`).toEqual(okm)
        else expect(derive, `case ${tcId}`).toThrow(RangeError)
      }
    })
  },
)

describe("primitives: other shapes", () => {
  const key = createHash("sha256").update("key").digest()
  const nonce = Buffer.alloc(12)
  const sealed = aes256GcmSeal(key, nonce, Buffer.from("text"), none)

  it("refuses a truncated tag", () => {
    for (const length of [0, 4, 12, 15]) {
      const shortened = { ...sealed, tag: sealed.tag.subarray(0, length) }
      expect(() => aes256GcmOpen(key, nonce, shortened, none)).toThrow(RangeError)
    }
  })

  it("refuses a key object that does not hold a secret key", () => {
    const { publicKey } = generateKeyPairSync("ed25519")
    expect(() => aes256GcmSeal(publicKey, nonce, none, none)).toThrow(TypeError)
  })

  it("refuses HKDF info over 1024 bytes and lengths out of range", () => {
    expect(() => hkdfSha512(key, none, new Uint8Array(1025), 32)).toThrow(RangeError)
    for (const length of [0, -1, 1.5, 16_321, Number.NaN]) {
      expect(() => hkdfSha512(key, none, none, length)).toThrow(RangeError)
    }
  })
})
