import { randomBytes } from "node:crypto"
import * as z from "zod"
import { AwsError } from "./aws-error.ts"
import type { Session } from "./iam.ts"
import { importMaterial, offerImport } from "./kms-import.ts"
import {
  currentMaterial,
  decryptWithMaterial,
  encryptWith,
  type KmsKey,
  newKey,
  newMaterial,
  readHead,
} from "./kms-key.ts"

const context = z.record(z.string(), z.string()).default({})
const base64 = z.base64().transform((text) => Buffer.from(text, "base64"))
const symmetric = z.literal("SYMMETRIC_DEFAULT").default("SYMMETRIC_DEFAULT")
const onKey = z.looseObject({ KeyId: z.string() })

const requests = {
  CreateKey: z.looseObject({
    KeyUsage: z.string().default("ENCRYPT_DECRYPT"),
    KeySpec: z.string().default("SYMMETRIC_DEFAULT"),
    Origin: z.enum(["AWS_KMS", "EXTERNAL"]).default("AWS_KMS"),
    MultiRegion: z.boolean().default(false),
    Description: z.string().default(""),
  }),
  CreateAlias: z.looseObject({ AliasName: z.string().regex(/^alias\/[\w/-]+$/), TargetKeyId: z.string() }),
  DescribeKey: onKey,
  Encrypt: z.looseObject({
    KeyId: z.string(),
    Plaintext: base64,
    EncryptionContext: context,
    EncryptionAlgorithm: symmetric,
    DryRun: z.boolean().default(false),
  }),
  Decrypt: z.looseObject({
    KeyId: z.string().optional(),
    CiphertextBlob: base64,
    EncryptionContext: context,
    EncryptionAlgorithm: symmetric,
    DryRun: z.boolean().default(false),
  }),
  EnableKey: onKey,
  DisableKey: onKey,
  ScheduleKeyDeletion: z.looseObject({ KeyId: z.string(), PendingWindowInDays: z.int().min(7).max(30).default(30) }),
  CancelKeyDeletion: onKey,
  GetParametersForImport: z.looseObject({
    KeyId: z.string(),
    WrappingAlgorithm: z.string(),
    WrappingKeySpec: z.string(),
  }),
  ImportKeyMaterial: z.looseObject({
    KeyId: z.string(),
    ImportToken: z.string(),
    EncryptedKeyMaterial: base64,
    ExpirationModel: z.enum(["KEY_MATERIAL_EXPIRES", "KEY_MATERIAL_DOES_NOT_EXPIRE"]).default("KEY_MATERIAL_EXPIRES"),
    ValidTo: z.number().optional(),
  }),
  RotateKeyOnDemand: onKey,
  GetKeyRotationStatus: onKey,
  ListKeyRotations: z.looseObject({ KeyId: z.string(), IncludeKeyMaterial: z.string().default("ROTATIONS_ONLY") }),
}

/** Name of an operation that the emulator knows. */
export type KmsOperation = keyof typeof requests

type Handlers = {
  readonly [Operation in KmsOperation]: (
    request: z.output<(typeof requests)[Operation]>,
    caller: Caller,
  ) => Readonly<Record<string, unknown>>
}

/** Who asks, and where. */
interface Caller {
  readonly session: Session
  readonly region: string
}

/** What KMS needs of the emulator. */
export interface KmsOptions {
  readonly account: string
  readonly nowMs: () => number
  readonly authorize: (
    session: Session,
    question: { action: string; resource: string; context: Readonly<Record<string, string | readonly string[]>> },
  ) => void
}

const mostRotations = 25

/** Keys, aliases and what is done with them. */
export class Kms {
  readonly keys = new Map<string, KmsKey>()
  readonly aliases = new Map<string, string>()
  readonly #options: KmsOptions

  constructor(options: KmsOptions) {
    this.#options = options
  }

  /** Answers one operation. @throws {AwsError} */
  answer(operation: string, body: Buffer, caller: Caller): Readonly<Record<string, unknown>> {
    if (!isOperation(operation)) throw new AwsError("UnknownOperationException", "")
    return this.#run(operation, body, caller)
  }

  #run<Operation extends KmsOperation>(operation: Operation, body: Buffer, caller: Caller) {
    const shape: z.ZodType = requests[operation]
    const parsed = shape.safeParse(JSON.parse(body.toString("utf8") || "{}"))
    if (!parsed.success) throw new AwsError("ValidationException", z.prettifyError(parsed.error))
    // The shape of the operation is the one that its handler takes.
    return this.#handlers[operation](parsed.data as z.output<(typeof requests)[Operation]>, caller)
  }

  /** The administrator's second route. */
  key(keyId: string): KmsKey | undefined {
    const id = this.aliases.get(keyId.replace(/^arn:[^/]*:alias\//, "alias/")) ?? keyId.replace(/^arn:.*:key\//, "")
    return this.keys.get(id)
  }

  readonly #handlers: Handlers = {
    CreateKey: ({ Origin: origin, KeyUsage: usage, KeySpec: spec, MultiRegion, Description }, caller) => {
      this.#allow(caller, "CreateKey", "*")
      const { account, nowMs } = this.#options
      const wish = { origin, usage, spec, multiRegion: MultiRegion, description: Description }
      const key = newKey({ region: caller.region, account, nowMs: nowMs() }, wish)
      this.keys.set(key.id, key)
      return { KeyMetadata: this.#metadata(key) }
    },
    CreateAlias: ({ AliasName: name, TargetKeyId }, caller) => {
      const key = this.#keyOf(TargetKeyId, caller, "CreateAlias")
      if (this.aliases.has(name)) {
        throw new AwsError("AlreadyExistsException", `An alias with the name ${name} already exists`)
      }
      this.aliases.set(name, key.id)
      return {}
    },
    DescribeKey: ({ KeyId }, caller) => ({ KeyMetadata: this.#metadata(this.#keyOf(KeyId, caller, "DescribeKey")) }),
    Encrypt: ({ KeyId, Plaintext: plaintext, EncryptionContext, EncryptionAlgorithm, DryRun }, caller) => {
      const key = this.#usable(KeyId, caller, "Encrypt", EncryptionContext)
      if (plaintext.length < 1 || plaintext.length > 4096) throw new AwsError("ValidationException", "plaintext length")
      dryRun(DryRun)
      const ciphertext = encryptWith(key, plaintext, EncryptionContext).toString("base64")
      return { KeyId: key.arn, CiphertextBlob: ciphertext, EncryptionAlgorithm }
    },
    Decrypt: ({ KeyId, CiphertextBlob: ciphertext, EncryptionContext, EncryptionAlgorithm, DryRun }, caller) => {
      const named = KeyId === undefined ? undefined : this.#usable(KeyId, caller, "Decrypt", EncryptionContext)
      const head = readHead(ciphertext)
      if (named !== undefined && named.id !== head.keyId) {
        const message = "The key ID in the request does not identify a CMK that can perform this operation."
        throw new AwsError("IncorrectKeyException", message)
      }
      const key = named ?? this.#usable(head.keyId, caller, "Decrypt", EncryptionContext)
      const material = key.materials.find(({ id }) => id === head.materialId)
      if (material === undefined) throw new AwsError("InvalidCiphertextException", "")
      const plaintext = decryptWithMaterial(material.material, ciphertext, EncryptionContext)
      dryRun(DryRun)
      const answer = { KeyId: key.arn, Plaintext: plaintext.toString("base64"), EncryptionAlgorithm }
      return { ...answer, KeyMaterialId: material.id }
    },
    EnableKey: ({ KeyId }, caller) => {
      this.#switch(this.#keyOf(KeyId, caller, "EnableKey"), "Enabled")
      return {}
    },
    DisableKey: ({ KeyId }, caller) => {
      this.#switch(this.#keyOf(KeyId, caller, "DisableKey"), "Disabled")
      return {}
    },
    ScheduleKeyDeletion: ({ KeyId, PendingWindowInDays: days }, caller) => {
      const key = this.#keyOf(KeyId, caller, "ScheduleKeyDeletion")
      if (key.state === "PendingDeletion") throw invalidState(key)
      key.state = "PendingDeletion"
      const deletionDate = this.#options.nowMs() / 1000 + days * 86_400
      return { KeyId: key.arn, KeyState: key.state, PendingWindowInDays: days, DeletionDate: deletionDate }
    },
    CancelKeyDeletion: ({ KeyId }, caller) => {
      const key = this.#keyOf(KeyId, caller, "CancelKeyDeletion")
      if (key.state !== "PendingDeletion") throw invalidState(key)
      key.state = "Disabled"
      return { KeyId: key.arn }
    },
    GetParametersForImport: ({ KeyId, WrappingAlgorithm, WrappingKeySpec }, caller) => {
      const key = this.#keyOf(KeyId, caller, "GetParametersForImport")
      return offerImport(key, WrappingAlgorithm, WrappingKeySpec, this.#options.nowMs())
    },
    ImportKeyMaterial: ({ KeyId, ImportToken: token, EncryptedKeyMaterial, ExpirationModel, ValidTo }, caller) => {
      const key = this.#keyOf(KeyId, caller, "ImportKeyMaterial")
      const expires = ExpirationModel === "KEY_MATERIAL_EXPIRES"
      if (expires !== (ValidTo !== undefined)) throw new AwsError("ValidationException", "ValidTo and ExpirationModel")
      const expiry = ValidTo === undefined ? {} : { expiresAtMs: ValidTo * 1000 }
      return importMaterial(key, { token, wrapped: EncryptedKeyMaterial, ...expiry }, this.#options.nowMs())
    },
    RotateKeyOnDemand: ({ KeyId }, caller) => {
      const key = this.#requireUsable(this.#keyOf(KeyId, caller, "RotateKeyOnDemand"))
      if (key.origin !== "AWS_KMS")
        throw new AwsError("KMSInvalidStateException", `${key.arn} has no new key material.`)
      if (key.materials.length > mostRotations) throw new AwsError("LimitExceededException", "On-demand rotation quota")
      key.materials.push(newMaterial(randomBytes(32), this.#options.nowMs()))
      return { KeyId: key.arn }
    },
    GetKeyRotationStatus: ({ KeyId }, caller) => {
      const key = this.#keyOf(KeyId, caller, "GetKeyRotationStatus")
      return { KeyId: key.arn, KeyRotationEnabled: false }
    },
    ListKeyRotations: ({ KeyId, IncludeKeyMaterial: included }, caller) => {
      const key = this.#keyOf(KeyId, caller, "ListKeyRotations")
      const current = key.materials.at(-1)
      const rotations = key.materials.map((material, index) => ({
        ...{ KeyId: key.arn, KeyMaterialId: material.id },
        KeyMaterialState: material === current ? "CURRENT" : "NON_CURRENT",
        ...(index === 0 ? {} : { RotationDate: material.createdAtMs / 1000, RotationType: "ON_DEMAND" }),
      }))
      return { Rotations: included === "ALL_KEY_MATERIAL" ? rotations : rotations.slice(1), Truncated: false }
    },
  }

  #allow({ session }: Caller, operation: KmsOperation, resource: string, context = {}): void {
    this.#options.authorize(session, { action: `kms:${operation}`, resource, context })
  }

  /** What a caller may not see looks denied when it is there, and missing when it is not. */
  #keyOf(
    keyId: string,
    caller: Caller,
    operation: KmsOperation,
    encryptionContext: Readonly<Record<string, string>> = {},
  ) {
    const key = this.key(keyId)
    if (key === undefined || key.region !== caller.region) {
      throw new AwsError("NotFoundException", `Key '${keyId}' does not exist`)
    }
    const aliases = [...this.aliases].filter(([, id]) => id === key.id).map(([name]) => name)
    this.#allow(caller, operation, key.arn, {
      "kms:ResourceAliases": aliases,
      ...Object.fromEntries(
        Object.entries(encryptionContext).map(([name, value]) => [`kms:EncryptionContext:${name}`, value]),
      ),
    })
    const { materialExpiresAtMs: expiresAtMs } = key
    if (expiresAtMs !== undefined && expiresAtMs <= this.#options.nowMs() && key.state === "Enabled") {
      key.state = "PendingImport"
      key.materials = []
    }
    return key
  }

  #usable(keyId: string, caller: Caller, operation: KmsOperation, encryptionContext: Readonly<Record<string, string>>) {
    const key = this.#requireUsable(this.#keyOf(keyId, caller, operation, encryptionContext))
    if (key.usage === "ENCRYPT_DECRYPT" && key.spec === "SYMMETRIC_DEFAULT") return key
    throw new AwsError("InvalidKeyUsageException", `${key.arn} key usage is ${key.usage}, its spec ${key.spec}.`)
  }

  #requireUsable(key: KmsKey): KmsKey {
    if (key.state === "Enabled") return key
    if (key.state === "Disabled") throw new AwsError("DisabledException", `${key.arn} is disabled.`)
    throw invalidState(key)
  }

  #switch(key: KmsKey, state: "Enabled" | "Disabled"): void {
    if (key.state !== "Enabled" && key.state !== "Disabled") throw invalidState(key)
    key.state = state
  }

  #metadata(key: KmsKey) {
    return {
      ...{ AWSAccountId: this.#options.account, KeyId: key.id, Arn: key.arn, CreationDate: key.createdAtMs / 1000 },
      ...{ Enabled: key.state === "Enabled", Description: key.description, KeyUsage: key.usage, KeyState: key.state },
      ...{ Origin: key.origin, KeyManager: "CUSTOMER", KeySpec: key.spec, CustomerMasterKeySpec: key.spec },
      EncryptionAlgorithms: [key.spec],
      MultiRegion: key.multiRegion,
      ...(key.multiRegion
        ? {
            MultiRegionConfiguration: {
              MultiRegionKeyType: "PRIMARY",
              PrimaryKey: { Arn: key.arn, Region: key.region },
            },
          }
        : {}),
      ...(key.materials.length === 0 ? {} : { CurrentKeyMaterialId: currentMaterial(key).id }),
      ...(key.materialExpiresAtMs === undefined
        ? {}
        : { ValidTo: key.materialExpiresAtMs / 1000, ExpirationModel: "KEY_MATERIAL_EXPIRES" }),
    }
  }
}

function isOperation(name: string): name is KmsOperation {
  return Object.hasOwn(requests, name)
}

function dryRun(asked: boolean): void {
  if (!asked) return
  throw new AwsError("DryRunOperationException", "The request would have succeeded, but the DryRun option is set.", 412)
}

function invalidState({ arn, state }: KmsKey): AwsError {
  const words = {
    PendingDeletion: "pending deletion",
    PendingImport: "pending import",
    Enabled: "enabled",
    Disabled: "disabled",
  }
  return new AwsError("KMSInvalidStateException", `${arn} is ${words[state]}.`)
}
