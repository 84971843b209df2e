import {
  createCipheriv,
  createDecipheriv,
  createHash,
  generateKeyPair,
  type KeyObject,
  type KeyPairKeyObjectResult,
  randomBytes,
  randomUUID,
} from "node:crypto"
import { promisify } from "node:util"
import { AwsError } from "./aws-error.ts"

/** States of a key that the emulator knows. */
export type KmsKeyState = "Enabled" | "Disabled" | "PendingDeletion" | "PendingImport"

/** One key material of a key: the first one, or one that a rotation added. */
export interface KeyMaterial {
  /** 64 hexadecimal digits. */
  readonly id: string
  readonly material: Buffer
  readonly createdAtMs: number
}

/** Parameters of a pending import. */
export interface ImportOffer {
  readonly token: string
  readonly privateKey: KeyObject
  readonly algorithm: string
  readonly validToMs: number
}

/** A key of the emulator. */
export interface KmsKey {
  readonly id: string
  readonly arn: string
  readonly region: string
  readonly origin: "AWS_KMS" | "EXTERNAL"
  readonly usage: string
  readonly spec: string
  readonly multiRegion: boolean
  readonly description: string
  readonly createdAtMs: number
  state: KmsKeyState
  materials: KeyMaterial[]
  offer?: ImportOffer
  materialExpiresAtMs?: number
}

/** Creates a key; a key of origin EXTERNAL waits for its material. */
export function newKey(
  place: { readonly region: string; readonly account: string; readonly nowMs: number },
  wish: Partial<Pick<KmsKey, "id" | "origin" | "usage" | "spec" | "multiRegion" | "description">>,
): KmsKey {
  const { region, account, nowMs } = place
  const multiRegion = wish.multiRegion ?? false
  const id = wish.id ?? (multiRegion ? `mrk-${randomUUID().replaceAll("-", "")}` : randomUUID())
  const origin = wish.origin ?? "AWS_KMS"
  return {
    id,
    arn: `arn:aws:kms:${region}:${account}:key/${id}`,
    region,
    origin,
    usage: wish.usage ?? "ENCRYPT_DECRYPT",
    spec: wish.spec ?? "SYMMETRIC_DEFAULT",
    multiRegion,
    description: wish.description ?? "",
    createdAtMs: nowMs,
    state: origin === "EXTERNAL" ? "PendingImport" : "Enabled",
    materials: origin === "EXTERNAL" ? [] : [newMaterial(randomBytes(32), nowMs)],
  }
}

/** Derives the id of a key material. */
export function newMaterial(material: Buffer, createdAtMs: number): KeyMaterial {
  return { id: createHash("sha256").update("material id").update(material).digest("hex"), material, createdAtMs }
}

const wrappingKeys = new Map<number, Promise<KeyPairKeyObjectResult>>()

/** The wrapping key of a size. One per process, made off the event loop: making it may take longer than a call may. */
export async function wrappingKey(bits: number): Promise<KeyPairKeyObjectResult> {
  const known = wrappingKeys.get(bits)
  if (known !== undefined) return known
  const made = promisify(generateKeyPair)("rsa", { modulusLength: bits })
  wrappingKeys.set(bits, made)
  return made
}

/** An offer of an import: the token is its own, the wrapping key is that of its size. */
export async function newOffer(
  algorithm: string,
  bits: number,
  validToMs: number,
): Promise<ImportOffer & { publicKey: KeyObject }> {
  const { privateKey, publicKey } = await wrappingKey(bits)
  return { token: randomBytes(64).toString("base64"), privateKey, publicKey, algorithm, validToMs }
}

type Context = Readonly<Record<string, string>>

const format = 1
const nonceBytes = 12
const tagBytes = 16
const idBytes = 36
const materialIdBytes = 32
const headBytes = 1 + idBytes + materialIdBytes

/** Encrypts under the newest material. Format, which is the emulator's own: 1, key id, material id, nonce, bytes, tag. */
export function encryptWith(key: KmsKey, plaintext: Uint8Array, context: Context): Buffer {
  const { id, material } = currentMaterial(key)
  const nonce = randomBytes(nonceBytes)
  const cipher = createCipheriv("aes-256-gcm", material, nonce).setAAD(associatedData(context))
  const head = Buffer.concat([Uint8Array.of(format), Buffer.from(key.id.padEnd(idBytes)), Buffer.from(id, "hex")])
  return Buffer.concat([head, nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()])
}

/** Reads which key and material a ciphertext names. @throws {AwsError} InvalidCiphertextException */
export function readHead(ciphertext: Buffer): { readonly keyId: string; readonly materialId: string } {
  if (ciphertext.length <= headBytes + nonceBytes + tagBytes || ciphertext[0] !== format) throw invalidCiphertext()
  return {
    keyId: ciphertext.toString("latin1", 1, 1 + idBytes).trimEnd(),
    materialId: ciphertext.toString("hex", 1 + idBytes, headBytes),
  }
}

/** Decrypts a ciphertext with nothing but the material of its key. @throws {AwsError} InvalidCiphertextException */
export function decryptWithMaterial(material: Uint8Array, ciphertext: Buffer, context: Context): Buffer {
  const decipher = createDecipheriv("aes-256-gcm", material, ciphertext.subarray(headBytes, headBytes + nonceBytes))
  decipher.setAAD(associatedData(context)).setAuthTag(ciphertext.subarray(-tagBytes))
  try {
    return Buffer.concat([decipher.update(ciphertext.subarray(headBytes + nonceBytes, -tagBytes)), decipher.final()])
  } catch {
    throw invalidCiphertext() // OpenSSL reports only that the tag does not match
  }
}

/** The material that encrypts. */
export function currentMaterial({ materials, arn }: KmsKey): KeyMaterial {
  const current = materials.at(-1)
  if (current === undefined) throw new AwsError("KMSInvalidStateException", `${arn} is pending import.`)
  return current
}

function associatedData(context: Context): Buffer {
  return Buffer.from(JSON.stringify(Object.entries(context).sort(([left], [right]) => (left < right ? -1 : 1))))
}

export function invalidCiphertext(): AwsError {
  return new AwsError("InvalidCiphertextException", "")
}
