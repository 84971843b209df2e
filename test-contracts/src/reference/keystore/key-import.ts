import {
  constants,
  createDecipheriv,
  generateKeyPairSync,
  type KeyPairKeyObjectResult,
  privateDecrypt,
} from "node:crypto"

let wrappingKeys: KeyPairKeyObjectResult | undefined

/** The public key for which material is wrapped, SubjectPublicKeyInfo as PEM. One per process: making it takes time. */
export function wrappingPublicKey(): string {
  return keys().publicKey.export({ type: "spki", format: "pem" }).toString()
}

/** Undoes `CKM_RSA_AES_KEY_WRAP` with SHA-256 (PKCS #11 v3.0 §2.1.21). @returns `undefined` when it does not open */
export function unwrapKeyMaterial(wrapped: Uint8Array): Buffer | undefined {
  const bytes = Buffer.from(wrapped)
  const { privateKey } = keys()
  const rsaBytes = (privateKey.asymmetricKeyDetails?.modulusLength ?? 0) / 8
  try {
    const padding = constants.RSA_PKCS1_OAEP_PADDING
    const wrappingKey = privateDecrypt({ key: privateKey, padding, oaepHash: "sha256" }, bytes.subarray(0, rsaBytes))
    const decipher = createDecipheriv("id-aes256-wrap-pad", wrappingKey, Buffer.from("a65959a6", "hex"))
    return Buffer.concat([decipher.update(bytes.subarray(rsaBytes)), decipher.final()])
  } catch {
    return undefined // whatever is wrong with it: the answer must not tell
  }
}

function keys(): KeyPairKeyObjectResult {
  wrappingKeys ??= generateKeyPairSync("rsa", { modulusLength: 2048 })
  return wrappingKeys
}
