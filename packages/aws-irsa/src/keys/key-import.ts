import { createPublicKey } from "node:crypto"
import type { CallOptions, Clock, ImportKeyMaterialRequest, ImportParameters } from "@apeiro-cmk/plugin-interface"
import { pluginError } from "@apeiro-cmk/plugin-sdk"
import type { Kms } from "../client.ts"
import type { PluginConfiguration } from "../config.ts"

/** Strong enough for years; KMS generates a new key for each import. */
const wrappingKeySpec = "RSA_4096"
const dayMs = 86_400_000

/** Settings for importing material into a key of origin EXTERNAL. */
export interface KeyImportOptions {
  readonly kms: Kms
  readonly clock: Clock
  readonly wrapping: PluginConfiguration["importWrapping"]
  /** Days until the material expires; `undefined`: never. */
  readonly validDays: number | undefined
}

const mechanisms = {
  RSAES_OAEP_SHA_256: "CKM_RSA_PKCS_OAEP",
  RSA_AES_KEY_WRAP_SHA_256: "CKM_RSA_AES_KEY_WRAP",
} as const

/**
 * Gets a wrapping key and an import token, which are valid for 24 hours.
 * @throws {PluginError} any code of a keystore failure
 */
export async function getImportParameters(
  { kms, wrapping }: KeyImportOptions,
  keyId: string,
  call: CallOptions,
): Promise<ImportParameters> {
  const answer = await kms.send(call, (client, { GetParametersForImportCommand }, abortSignal) => {
    const input = { KeyId: keyId, WrappingAlgorithm: wrapping, WrappingKeySpec: wrappingKeySpec } as const
    return client.send(new GetParametersForImportCommand(input), { abortSignal })
  })
  const { PublicKey: der, ImportToken: token, ParametersValidTo: validTo } = answer
  if (der === undefined || token === undefined) {
    throw pluginError("BAD_RESPONSE", "AWS KMS returned incomplete import parameters.", "Check the endpoint of KMS.")
  }
  const publicKey = createPublicKey({ key: Buffer.from(der), format: "der", type: "spki" })
  return {
    publicKey: publicKey.export({ type: "spki", format: "pem" }).toString(),
    wrappingAlgorithm: mechanisms[wrapping],
    hashFunction: "SHA256",
    providerParams: Buffer.from(token).toString("base64"),
    ...(validTo === undefined ? {} : { validToMs: validTo.getTime() }),
  }
}

/**
 * Imports key material.
 * @throws {PluginError} INVALID_REQUEST - the token or the wrapping does not match
 * @throws {PluginError} CIPHERTEXT_REJECTED - KMS cannot unwrap the material
 */
export async function importKeyMaterial(
  { kms, clock, validDays }: KeyImportOptions,
  { key, encryptedKeyMaterial, providerParams }: ImportKeyMaterialRequest,
  call: CallOptions,
): Promise<void> {
  const expiry =
    validDays === undefined
      ? ({ ExpirationModel: "KEY_MATERIAL_DOES_NOT_EXPIRE" } as const)
      : ({ ExpirationModel: "KEY_MATERIAL_EXPIRES", ValidTo: new Date(clock.nowMs() + validDays * dayMs) } as const)
  await kms.send(call, (client, { ImportKeyMaterialCommand }, abortSignal) => {
    const token = Buffer.from(providerParams, "base64")
    const input = { KeyId: key.keyId, ImportToken: token, EncryptedKeyMaterial: encryptedKeyMaterial, ...expiry }
    return client.send(new ImportKeyMaterialCommand(input), { abortSignal })
  })
}
