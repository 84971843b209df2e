import { constants, createCipheriv, createPublicKey, type KeyObject, publicEncrypt, randomBytes } from "node:crypto"
import type { ImportParameters } from "@apeiro-cmk/plugin-interface"
import { pluginError } from "../errors/error-facts.ts"

/** The parameters of an import that say how material is wrapped. */
export type WrappingParameters = Pick<ImportParameters, "publicKey" | "wrappingAlgorithm" | "hashFunction">

const smallestModulusBits = 2048

// RFC 5649 §3: the alternative initial value; the length of the material follows it in the block that is encrypted.
const alternativeInitialValue = Buffer.from("a65959a6", "hex")

/**
 * Wraps key material for an import, as PKCS #11 v3.0 §2.1 defines both mechanisms: RSA-OAEP of the material itself
 * (`CKM_RSA_PKCS_OAEP`), or RSA-OAEP of an ephemeral AES-256 key, followed by the material under AES key wrap with
 * padding, RFC 5649 (`CKM_RSA_AES_KEY_WRAP`). The mask generation uses the same hash, and there is no label.
 *
 * @param material - the plain key, e.g. 32 bytes; the caller fills it with zeros afterwards
 * @throws {PluginError} INVALID_REQUEST - the public key is not an RSA key of at least 2048 bits, or too small for the material
 */
export function wrapKeyMaterial(parameters: WrappingParameters, material: Uint8Array): Uint8Array {
  const publicKey = readPublicKey(parameters.publicKey)
  const oaepHash = parameters.hashFunction === "SHA1" ? "sha1" : "sha256"
  if (parameters.wrappingAlgorithm === "CKM_RSA_PKCS_OAEP") return encryptOaep(publicKey, oaepHash, material)
  const wrappingKey = randomBytes(32)
  try {
    const cipher = createCipheriv("id-aes256-wrap-pad", wrappingKey, alternativeInitialValue)
    return Buffer.concat([
      encryptOaep(publicKey, oaepHash, wrappingKey),
      Buffer.concat([cipher.update(material), cipher.final()]),
    ])
  } finally {
    wrappingKey.fill(0)
  }
}

function encryptOaep(key: KeyObject, oaepHash: "sha1" | "sha256", plaintext: Uint8Array): Uint8Array {
  try {
    return publicEncrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash }, plaintext)
  } catch {
    throw unusable("The public key is too small for this material.") // the library's message could describe the material
  }
}

function readPublicKey(pem: string): KeyObject {
  let key: KeyObject
  try {
    key = createPublicKey(pem)
  } catch {
    throw unusable("The public key is not a public key as PEM text.")
  }
  if (key.asymmetricKeyType !== "rsa" || (key.asymmetricKeyDetails?.modulusLength ?? 0) < smallestModulusBits) {
    throw unusable(`The public key is not an RSA key of at least ${smallestModulusBits} bits.`)
  }
  return key
}

function unusable(message: string) {
  return pluginError("INVALID_REQUEST", message, "Get the import parameters from the keystore again.")
}
