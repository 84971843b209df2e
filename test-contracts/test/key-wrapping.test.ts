import { constants, createDecipheriv, generateKeyPairSync, privateDecrypt, randomBytes } from "node:crypto"
import type { ImportParameters } from "@apeiro-cmk/plugin-interface"
import { describe, expect, it } from "vitest"
import { wrapKeyMaterial } from "../src/kinds/keystore/key-wrapping.ts"

const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 })
const padding = constants.RSA_PKCS1_OAEP_PADDING
const material = randomBytes(32)

function parameters(wrapping: Pick<ImportParameters, "wrappingAlgorithm" | "hashFunction">): ImportParameters {
  return { ...wrapping, publicKey: publicKey.export({ type: "spki", format: "pem" }).toString(), providerParams: "" }
}

describe.each([
  ["SHA1", "sha1"],
  ["SHA256", "sha256"],
] as const)("key material that is wrapped with %s", (hashFunction, oaepHash) => {
  it("opens with the private key, by RSA-OAEP alone", () => {
    const wrapped = wrapKeyMaterial(parameters({ wrappingAlgorithm: "CKM_RSA_PKCS_OAEP", hashFunction }), material)
    expect(privateDecrypt({ key: privateKey, padding, oaepHash }, wrapped)).toEqual(material)
  })

  it("opens with the private key and the AES key in front, by RSA-OAEP and RFC 5649", () => {
    const wrapped = wrapKeyMaterial(parameters({ wrappingAlgorithm: "CKM_RSA_AES_KEY_WRAP", hashFunction }), material)
    const wrappingKey = privateDecrypt({ key: privateKey, padding, oaepHash }, wrapped.subarray(0, 256))
    const decipher = createDecipheriv("id-aes256-wrap-pad", wrappingKey, Buffer.from("a65959a6", "hex"))
    expect(Buffer.concat([decipher.update(wrapped.subarray(256)), decipher.final()])).toEqual(material)
  })
})
