import { constants, createDecipheriv, privateDecrypt } from "node:crypto"
import { AwsError } from "./aws-error.ts"
import { type ImportOffer, invalidCiphertext, type KmsKey, newMaterial, newOffer } from "./kms-key.ts"

const offerValidMs = 24 * 3_600_000
const materialBytes = 32
const keyWrapIv = Buffer.from("a65959a6", "hex") // RFC 5649 §3
const bitsOf: Readonly<Record<string, number>> = { RSA_2048: 2048, RSA_3072: 3072, RSA_4096: 4096 }
const algorithms = ["RSAES_OAEP_SHA_256", "RSA_AES_KEY_WRAP_SHA_256"]

/** GetParametersForImport. */
export async function offerImport(key: KmsKey, algorithm: string, spec: string, nowMs: number) {
  const bits = bitsOf[spec]
  if (bits === undefined || !algorithms.includes(algorithm)) {
    throw new AwsError("ValidationException", "The wrapping algorithm or the wrapping key spec is not valid")
  }
  if (key.origin !== "EXTERNAL") {
    throw new AwsError(
      "UnsupportedOperationException",
      `${key.arn} origin is AWS_KMS which is not valid for this operation.`,
    )
  }
  requireWaiting(key)
  const offer = await newOffer(algorithm, bits, nowMs + offerValidMs)
  key.offer = offer
  return {
    KeyId: key.arn,
    ImportToken: offer.token,
    PublicKey: offer.publicKey.export({ type: "spki", format: "der" }).toString("base64"),
    ParametersValidTo: offer.validToMs / 1000,
  }
}

/** ImportKeyMaterial, for the first material of a key. Importing into a key whose material expired is not emulated. */
export function importMaterial(
  key: KmsKey,
  { token, wrapped, expiresAtMs }: { readonly token: string; readonly wrapped: Buffer; readonly expiresAtMs?: number },
  nowMs: number,
) {
  requireWaiting(key)
  const { offer } = key
  if (offer === undefined || offer.token !== token) throw new AwsError("InvalidImportTokenException", "")
  if (offer.validToMs <= nowMs) throw new AwsError("ExpiredImportTokenException", "")
  const material = newMaterial(unwrap(offer, wrapped), nowMs)
  key.materials = [material]
  key.state = "Enabled"
  delete key.offer
  if (expiresAtMs !== undefined) key.materialExpiresAtMs = expiresAtMs
  return { KeyId: key.arn, KeyMaterialId: material.id }
}

function requireWaiting({ state, arn }: KmsKey): void {
  if (state === "PendingImport") return
  throw new AwsError("KMSInvalidStateException", `${arn} is ${state.toLowerCase()}.`)
}

function unwrap({ privateKey, algorithm }: ImportOffer, wrapped: Buffer): Buffer {
  try {
    const padding = constants.RSA_PKCS1_OAEP_PADDING
    const oaep = { key: privateKey, padding, oaepHash: "sha256" }
    if (algorithm === "RSAES_OAEP_SHA_256") return sized(privateDecrypt(oaep, wrapped))
    const length = (privateKey.asymmetricKeyDetails?.modulusLength ?? 0) / 8
    const aesKey = privateDecrypt(oaep, wrapped.subarray(0, length))
    const decipher = createDecipheriv("id-aes256-wrap-pad", aesKey, keyWrapIv)
    return sized(Buffer.concat([decipher.update(wrapped.subarray(length)), decipher.final()]))
  } catch {
    throw invalidCiphertext() // the answer does not reveal which layer failed
  }
}

function sized(material: Buffer): Buffer {
  if (material.length !== materialBytes) throw new AwsError("IncorrectKeyMaterialException", "")
  return material
}
