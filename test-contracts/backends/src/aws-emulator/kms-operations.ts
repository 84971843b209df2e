import { randomBytes } from "node:crypto"
import * as z from "zod"
import { AwsError } from "./aws-error.ts"
import { importMaterial, offerImport } from "./kms-import.ts"
import { decryptWithMaterial, encryptWith, type KmsKey, newKey, newMaterial, readHead } from "./kms-key.ts"
import { keyMetadata } from "./kms-key-metadata.ts"
import { type KmsHandler, operation } from "./kms-operation.ts"
import { invalidState, requireEnabled } from "./kms-store.ts"

const context = z.record(z.string(), z.string()).default({})
const base64 = z.base64().transform((text) => Buffer.from(text, "base64"))
const symmetric = z.literal("SYMMETRIC_DEFAULT").default("SYMMETRIC_DEFAULT")
const onKey = z.looseObject({ KeyId: z.string() })
const cryptographic = {
  EncryptionContext: context,
  EncryptionAlgorithm: symmetric,
  DryRun: z.boolean().default(false),
}
const keyWish = z.looseObject({
  KeyUsage: z.string().default("ENCRYPT_DECRYPT"),
  KeySpec: z.string().default("SYMMETRIC_DEFAULT"),
  Origin: z.enum(["AWS_KMS", "EXTERNAL"]).default("AWS_KMS"),
  MultiRegion: z.boolean().default(false),
  Description: z.string().default(""),
})
const importedMaterial = z.looseObject({
  KeyId: z.string(),
  ImportToken: z.string(),
  EncryptedKeyMaterial: base64,
  ExpirationModel: z.enum(["KEY_MATERIAL_EXPIRES", "KEY_MATERIAL_DOES_NOT_EXPIRE"]).default("KEY_MATERIAL_EXPIRES"),
  ValidTo: z.number().optional(),
})

const mostRotations = 25

const keyOperations = {
  CreateKey: operation(keyWish, (request, call) => {
    call.allow("*")
    const { KeyUsage: usage, KeySpec: spec, Origin: origin, MultiRegion: multiRegion, Description } = request
    const place = { region: call.caller.region, account: call.store.options.account, nowMs: call.nowMs }
    const key = newKey(place, { origin, usage, spec, multiRegion, description: Description })
    call.store.keys.set(key.id, key)
    return { KeyMetadata: keyMetadata(key, place.account) }
  }),
  CreateAlias: operation(
    z.looseObject({ AliasName: z.string().regex(/^alias\/[\w/-]+$/), TargetKeyId: z.string() }),
    ({ AliasName: name, TargetKeyId }, call) => {
      const key = call.key(TargetKeyId)
      if (call.store.aliases.has(name)) {
        throw new AwsError("AlreadyExistsException", `An alias with the name ${name} already exists`)
      }
      call.store.aliases.set(name, key.id)
      return {}
    },
  ),
  DescribeKey: operation(onKey, ({ KeyId }, call) => ({
    KeyMetadata: keyMetadata(call.key(KeyId), call.store.options.account),
  })),
  EnableKey: operation(onKey, ({ KeyId }, call) => switchTo("Enabled", call.key(KeyId))),
  DisableKey: operation(onKey, ({ KeyId }, call) => switchTo("Disabled", call.key(KeyId))),
  ScheduleKeyDeletion: operation(
    z.looseObject({ KeyId: z.string(), PendingWindowInDays: z.int().min(7).max(30).default(30) }),
    ({ KeyId, PendingWindowInDays: days }, call) => {
      const key = call.key(KeyId)
      if (key.state === "PendingDeletion") throw invalidState(key)
      key.state = "PendingDeletion"
      const deletionDate = call.nowMs / 1000 + days * 86_400
      return { KeyId: key.arn, KeyState: key.state, PendingWindowInDays: days, DeletionDate: deletionDate }
    },
  ),
  CancelKeyDeletion: operation(onKey, ({ KeyId }, call) => {
    const key = call.key(KeyId)
    if (key.state !== "PendingDeletion") throw invalidState(key)
    key.state = "Disabled"
    return { KeyId: key.arn }
  }),
}

const cryptographicOperations = {
  Encrypt: operation(
    z.looseObject({ KeyId: z.string(), Plaintext: base64, ...cryptographic }),
    ({ KeyId, Plaintext: plaintext, EncryptionContext, EncryptionAlgorithm, DryRun }, call) => {
      const key = call.usableKey(KeyId, EncryptionContext)
      if (plaintext.length < 1 || plaintext.length > 4096) throw new AwsError("ValidationException", "plaintext length")
      endDryRun(DryRun)
      const ciphertext = encryptWith(key, plaintext, EncryptionContext).toString("base64")
      return { KeyId: key.arn, CiphertextBlob: ciphertext, EncryptionAlgorithm }
    },
  ),
  Decrypt: operation(
    z.looseObject({ KeyId: z.string().optional(), CiphertextBlob: base64, ...cryptographic }),
    ({ KeyId, CiphertextBlob: ciphertext, EncryptionContext, EncryptionAlgorithm, DryRun }, call) => {
      const named = KeyId === undefined ? undefined : call.usableKey(KeyId, EncryptionContext)
      const head = readHead(ciphertext)
      if (named !== undefined && named.id !== head.keyId) {
        const message = "The key ID in the request does not identify a CMK that can perform this operation."
        throw new AwsError("IncorrectKeyException", message)
      }
      const key = named ?? call.usableKey(head.keyId, EncryptionContext)
      const material = key.materials.find(({ id }) => id === head.materialId)
      if (material === undefined) throw new AwsError("InvalidCiphertextException", "")
      const plaintext = decryptWithMaterial(material.material, ciphertext, EncryptionContext)
      endDryRun(DryRun)
      const answer = { KeyId: key.arn, Plaintext: plaintext.toString("base64"), EncryptionAlgorithm }
      return { ...answer, KeyMaterialId: material.id }
    },
  ),
}

const materialOperations = {
  GetParametersForImport: operation(
    z.looseObject({ KeyId: z.string(), WrappingAlgorithm: z.string(), WrappingKeySpec: z.string() }),
    ({ KeyId, WrappingAlgorithm, WrappingKeySpec }, call) =>
      offerImport(call.key(KeyId), WrappingAlgorithm, WrappingKeySpec, call.nowMs),
  ),
  ImportKeyMaterial: operation(importedMaterial, (request, call) => {
    const { KeyId, ImportToken: token, EncryptedKeyMaterial: wrapped, ExpirationModel, ValidTo } = request
    const key = call.key(KeyId)
    const expires = ExpirationModel === "KEY_MATERIAL_EXPIRES"
    if (expires !== (ValidTo !== undefined)) throw new AwsError("ValidationException", "ValidTo and ExpirationModel")
    const expiry = ValidTo === undefined ? {} : { expiresAtMs: ValidTo * 1000 }
    return importMaterial(key, { token, wrapped, ...expiry }, call.nowMs)
  }),
  RotateKeyOnDemand: operation(onKey, ({ KeyId }, call) => {
    const key = requireEnabled(call.key(KeyId))
    if (key.origin !== "AWS_KMS") throw new AwsError("KMSInvalidStateException", `${key.arn} has no new key material.`)
    if (key.materials.length > mostRotations) throw new AwsError("LimitExceededException", "On-demand rotation quota")
    key.materials.push(newMaterial(randomBytes(32), call.nowMs))
    return { KeyId: key.arn }
  }),
  GetKeyRotationStatus: operation(onKey, ({ KeyId }, call) => ({
    KeyId: call.key(KeyId).arn,
    KeyRotationEnabled: false,
  })),
  ListKeyRotations: operation(
    z.looseObject({ KeyId: z.string(), IncludeKeyMaterial: z.string().default("ROTATIONS_ONLY") }),
    ({ KeyId, IncludeKeyMaterial: included }, call) => {
      const key = call.key(KeyId)
      const current = key.materials.at(-1)
      const rotations = key.materials.map((material, index) => ({
        ...{ KeyId: key.arn, KeyMaterialId: material.id },
        KeyMaterialState: material === current ? "CURRENT" : "NON_CURRENT",
        ...(index === 0 ? {} : { RotationDate: material.createdAtMs / 1000, RotationType: "ON_DEMAND" }),
      }))
      return { Rotations: included === "ALL_KEY_MATERIAL" ? rotations : rotations.slice(1), Truncated: false }
    },
  ),
}

/** Every operation that the emulator knows. */
export const kmsOperations = {
  ...keyOperations,
  ...cryptographicOperations,
  ...materialOperations,
} satisfies Record<string, KmsHandler>

/** Name of an operation that the emulator knows. */
export type KmsOperation = keyof typeof kmsOperations

function switchTo(state: "Enabled" | "Disabled", key: KmsKey) {
  if (key.state !== "Enabled" && key.state !== "Disabled") throw invalidState(key)
  key.state = state
  return {}
}

function endDryRun(asked: boolean): void {
  if (!asked) return
  throw new AwsError("DryRunOperationException", "The request would have succeeded, but the DryRun option is set.", 412)
}
