import { constants, createCipheriv, createPublicKey, publicEncrypt, randomBytes } from "node:crypto"
import type { ImportParameters } from "@apeiro-cmk/plugin-interface"

/**
 * Wraps key material as an administrator does with the parameters of an import: RSA-OAEP around it, or RSA-OAEP around an
 * AES key of 256 bits and that key, with padding (RFC 5649), around the material (PKCS #11 v3.0 §2.1.21).
 *
 * @param parameters - as `getImportParameters` returned them
 * @param material - 16, 24 or 32 bytes
 */
export function wrapKeyMaterial(parameters: ImportParameters, material: Uint8Array): Uint8Array {
  if (parameters.wrappingAlgorithm === "CKM_RSA_PKCS_OAEP") return encryptFor(parameters, material)
  const wrappingKey = randomBytes(32)
  const cipher = createCipheriv("id-aes256-wrap-pad", wrappingKey, Buffer.from("a65959a6", "hex"))
  return Buffer.concat([encryptFor(parameters, wrappingKey), cipher.update(material), cipher.final()])
}

function encryptFor({ publicKey, hashFunction }: ImportParameters, bytes: Uint8Array): Buffer {
  const key = createPublicKey(publicKey)
  const oaepHash = hashFunction === "SHA1" ? "sha1" : "sha256"
  return publicEncrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash }, bytes)
}
