import { constants, createDecipheriv, generateKeyPairSync, privateDecrypt, randomBytes } from "node:crypto"
import { describe, expect, it } from "vitest"
import { wrapKeyMaterial } from "../src/index.ts"

const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 })
const pem = publicKey.export({ type: "spki", format: "pem" }).toString()
const rsaBytes = 256

const decrypt = (wrapped: Uint8Array, oaepHash: string) =>
  privateDecrypt({ key: privateKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash }, wrapped)

describe("wrapKeyMaterial", () => {
  it.each([
    ["SHA1", "sha1"],
    ["SHA256", "sha256"],
  ] as const)(
    "CKM_RSA_AES_KEY_WRAP with %s: an ephemeral key, then the material under it",
    (hashFunction, oaepHash) => {
      const material = randomBytes(32)
      const parameters = { publicKey: pem, wrappingAlgorithm: "CKM_RSA_AES_KEY_WRAP", hashFunction } as const
      const wrapped = wrapKeyMaterial(parameters, material)
      expect(wrapped).toHaveLength(rsaBytes + 40)
      const ephemeral = decrypt(wrapped.subarray(0, rsaBytes), oaepHash)
      const decipher = createDecipheriv("id-aes256-wrap-pad", ephemeral, Buffer.from("a65959a6", "hex"))
      expect(Buffer.concat([decipher.update(wrapped.subarray(rsaBytes)), decipher.final()])).toEqual(material)
      expect(wrapKeyMaterial(parameters, material)).not.toEqual(wrapped)
    },
  )

  it("CKM_RSA_PKCS_OAEP: the material itself", () => {
    const material = randomBytes(32)
    const parameters = {
      publicKey: pem,
      wrappingAlgorithm: "CKM_RSA_PKCS_OAEP",
      hashFunction: "SHA256",
    } as const
    expect(decrypt(wrapKeyMaterial(parameters, material), "sha256")).toEqual(material)
  })

  it.each([
    ["a text that is not PEM", "rubbish", 32],
    ["another kind of key", ecPem(), 32],
    ["a small RSA key", smallPem(), 32],
    ["material that is too long", pem, 4096],
  ])("refuses %s", (_what, unusable, length) => {
    const parameters = { publicKey: unusable, wrappingAlgorithm: "CKM_RSA_PKCS_OAEP", hashFunction: "SHA256" } as const
    expect(() => wrapKeyMaterial(parameters, randomBytes(length))).toThrow(
      expect.objectContaining({ code: "INVALID_REQUEST", origin: "caller" }),
    )
  })
})

function ecPem(): string {
  const { publicKey: key } = generateKeyPairSync("ec", { namedCurve: "P-256" })
  return key.export({ type: "spki", format: "pem" }).toString()
}

function smallPem(): string {
  const { publicKey: key } = generateKeyPairSync("rsa", { modulusLength: 1024 })
  return key.export({ type: "spki", format: "pem" }).toString()
}
