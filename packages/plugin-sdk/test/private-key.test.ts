import { generateKeyPairSync } from "node:crypto"
import { describe, expect, it } from "vitest"
import { privateKeyOf } from "../src/index.ts"

const newEc = () => generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey
const newRsa = () => generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey
const texts = {
  "PKCS#8": newEc().export({ type: "pkcs8", format: "pem" }).toString(),
  SEC1: newEc().export({ type: "sec1", format: "pem" }).toString(),
  "PKCS#1": newRsa().export({ type: "pkcs1", format: "pem" }).toString(),
}
const certificate = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
const kinds = Object.keys(texts) as (keyof typeof texts)[]
const pairs = kinds.flatMap((first) => kinds.map((second) => [first, second] as const))

describe("a private key as PEM text", () => {
  it.each(kinds)("is read as %s, alone or beside certificates", (kind) => {
    expect(privateKeyOf(texts[kind]).type).toBe("private")
    expect(privateKeyOf(Buffer.from(certificate + texts[kind] + certificate)).type).toBe("private")
  })

  it.each(pairs)("is refused where there is another: %s, then %s", (first, second) => {
    expect(() => privateKeyOf(texts[first] + texts[second])).toThrow()
    expect(() => privateKeyOf(`${texts[first]}${certificate}${texts[second]}`)).toThrow()
    expect(() => privateKeyOf(Buffer.from(texts[first].trimEnd() + texts[second]))).toThrow()
  })

  it("is refused where a second one is cut off, encrypted or missing altogether", () => {
    const [head = ""] = texts.SEC1.split("\n")
    const encrypted = newEc()
      .export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "p" })
      .toString()
    for (const text of [texts.SEC1 + head, head + texts.SEC1, texts.SEC1 + encrypted, encrypted, certificate, ""]) {
      expect(() => privateKeyOf(text)).toThrow()
    }
  })

  it("leaves the caller's bytes as they are", () => {
    const bytes = Buffer.from(texts.SEC1)
    privateKeyOf(bytes)
    expect(bytes.toString()).toBe(texts.SEC1)
  })
})
