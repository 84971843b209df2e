import { type OpenBaoAnswer, type OpenBaoClient, unexpectedAnswer } from "@apeiro-cmk/openbao-client"
import type { CallOptions } from "@apeiro-cmk/plugin-interface"
import { decodeBase64, jsonWithBytes, pluginError } from "@apeiro-cmk/plugin-sdk"
import * as z from "zod"
import { impossibleKeyType, orMisspelt, transitError, transitErrorName } from "./errors.ts"

/** Facts that `keys/NAME` states about a transit key. */
export interface TransitKey {
  readonly type: string
  readonly latestVersion: number
  /** Oldest version that can still decrypt. */
  readonly minDecryptionVersion: number
  /** Oldest version that may encrypt; 0 when all may. The plugin always encrypts with the newest. */
  readonly minEncryptionVersion: number
  /** True when the key material was imported; each further version must be imported too. */
  readonly imported: boolean
  /** How often OpenBao rotates the key automatically, in seconds; 0: never. */
  readonly autoRotatePeriodSeconds: number
  readonly exportable: boolean
  readonly allowsPlaintextBackup: boolean
  readonly deletionAllowed: boolean
  readonly derived: boolean
  readonly convergent: boolean
  readonly softDeleted: boolean
  /** Each version with its creation time, in milliseconds since the Unix epoch. */
  readonly versions: readonly { readonly version: number; readonly createdAtMs: number }[]
}

/** The transit calls that this plugin uses, on one mount. Every method rejects with a `PluginError` only. */
export interface TransitPort {
  /** Never creates a key, whatever the policy allows. Prove first that the key exists: another engine could answer. */
  encrypt(key: string, plaintext: Uint8Array, associatedData: Uint8Array, call: CallOptions): Promise<TransitCiphertext>
  /** Decrypts. @param ciphertext - `vault:vN:...` */
  decrypt(key: string, ciphertext: string, associatedData: Uint8Array, call: CallOptions): Promise<TransitPlaintext>
  /**
   * Reads the facts of a key.
   * @throws {PluginError} DENIED - the policy does not allow reading the key, whether or not it exists
   */
  readKey(key: string, call: CallOptions): Promise<TransitKey>
  /** Reads the facts of a key; `undefined` when the transit engine itself states that it has no such key. */
  findKey(key: string, call: CallOptions): Promise<TransitKey | undefined>
  /**
   * Proves, by a decrypt that must fail, that the key exists, supports associated data, and may decrypt.
   * @throws {PluginError} KEY_NOT_FOUND, KEY_DISABLED, KEY_UNSUITABLE, DENIED
   */
  proveKey(key: string, call: CallOptions): Promise<void>
}

/** Answer of {@link TransitPort.encrypt}. */
export interface TransitCiphertext {
  readonly ciphertext: string
  readonly keyVersion: number
  readonly requestId?: string
}

/** Answer of {@link TransitPort.decrypt}. */
export interface TransitPlaintext {
  /** In its own memory, outside of any pool; the caller fills it with zeros after use. */
  readonly plaintext: Uint8Array
  readonly requestId?: string
}

const encryptedShape = z.object({ ciphertext: z.string().max(65_536), key_version: z.int().positive().optional() })

const createdAt = z.union([z.number().transform((seconds) => seconds * 1000), z.string().transform(Date.parse)])
const versionShape = z.union([
  createdAt,
  z.object({ creation_time: createdAt }).transform((each) => each.creation_time),
])

const keyShape = z.object({
  type: z.string().regex(/^[a-z0-9-]{1,40}$/),
  latest_version: z.int().positive(),
  min_decryption_version: z.int().nonnegative(),
  min_encryption_version: z.int().nonnegative().default(0),
  exportable: z.boolean(),
  allow_plaintext_backup: z.boolean(),
  deletion_allowed: z.boolean(),
  derived: z.boolean(),
  convergent_encryption: z.boolean().default(false),
  imported_key: z.boolean().default(false),
  auto_rotate_period: z.int().nonnegative().default(0),
  // OpenBao since 2.3; servers without soft deletion omit it.
  soft_deleted: z.boolean().default(false),
  // OpenBao lists no versions for a key of type hmac.
  keys: z.record(z.string().regex(/^\d+$/), versionShape).default({}),
})

/** A well-formed ciphertext of version 1 that no key made: 12 bytes of nonce, 16 of data, 16 of tag, all zero. */
const dummyCiphertext = `vault:v1:${Buffer.alloc(44).toString("base64")}`
const dummyAssociatedData = Buffer.from("apeiro-cmk/key-existence")

const ciphertextPattern = /^vault:v([1-9]\d{0,8}):([A-Za-z0-9+/]+={0,2})$/

/**
 * Returns the key version that a ciphertext names; `undefined` when it is not a transit ciphertext, or when its base64
 * ends with stray bits, which the server would ignore.
 */
export function ciphertextVersion(ciphertext: string): number | undefined {
  const [, version, base64] = ciphertextPattern.exec(ciphertext) ?? []
  if (version === undefined || base64 === undefined) return undefined
  return decodeBase64(Buffer.from(base64, "latin1")) === undefined ? undefined : Number(version)
}

/** Makes the {@link TransitPort} of the transit engine at `mountPath`. Key names must be checked first. */
export function createTransit(client: OpenBaoClient, mountPath: string): TransitPort {
  const keyPath = (key: string) => `${mountPath}/keys/${key}`

  async function post(path: string, body: Buffer, call: CallOptions, secretField?: string): Promise<OpenBaoAnswer> {
    // Encrypt and decrypt change nothing, so another node of a cluster may receive the request again.
    const request = { method: "POST", path: `${mountPath}/${path}`, body, repeatable: true } as const
    try {
      return await client.request(secretField === undefined ? request : { ...request, secretField }, call)
    } finally {
      body.fill(0)
    }
  }

  async function encrypt(key: string, plaintext: Uint8Array, associatedData: Uint8Array, call: CallOptions) {
    const body = jsonWithBytes({ plaintext, associated_data: associatedData }, { type: impossibleKeyType })
    const answer = await post(`encrypt/${key}`, body, call)
    if (answer.status !== 200) throw transitError(answer, keyPath(key))
    const encrypted = encryptedShape.safeParse(answer.data)
    if (!encrypted.success) throw unexpectedAnswer(answer)
    const { ciphertext, key_version: stated } = encrypted.data
    const keyVersion = ciphertextVersion(ciphertext)
    if (keyVersion === undefined || (stated !== undefined && stated !== keyVersion)) throw unexpectedAnswer(answer)
    return { ciphertext, keyVersion, ...requestId(answer) }
  }

  async function decrypt(key: string, ciphertext: string, associatedData: Uint8Array, call: CallOptions) {
    const body = jsonWithBytes({ associated_data: associatedData }, { ciphertext })
    const answer = await post(`decrypt/${key}`, body, call, "plaintext")
    if (answer.status !== 200) throw transitError(answer, keyPath(key))
    if (answer.secret === undefined) throw unexpectedAnswer({ status: answer.status })
    return { plaintext: answer.secret, ...requestId(answer) }
  }

  async function askKey(key: string, call: CallOptions): Promise<OpenBaoAnswer> {
    const answer = await client.request({ method: "GET", path: keyPath(key) }, call)
    if (answer.status === 403) throw keyUnreadable(keyPath(key))
    return answer
  }

  async function readKey(key: string, call: CallOptions): Promise<TransitKey> {
    return readTransitKey(await askKey(key, call), keyPath(key))
  }

  async function findKey(key: string, call: CallOptions): Promise<TransitKey | undefined> {
    const answer = await askKey(key, call)
    return transitErrorName(answer) === "keyUnreadable" ? undefined : readTransitKey(answer, keyPath(key))
  }

  async function proveKey(key: string, call: CallOptions): Promise<void> {
    const body = jsonWithBytes({ associated_data: dummyAssociatedData }, { ciphertext: dummyCiphertext })
    const answer = await post(`decrypt/${key}`, body, call)
    const name = transitErrorName(answer)
    // Only an existing key refuses it, even when its version 1 is closed.
    if (name === "ciphertextRefused" || name === "versionDisabled") return
    throw transitError(answer, keyPath(key))
  }

  return { encrypt, decrypt, readKey, findKey, proveKey }
}

function keyUnreadable(keyPath: string) {
  return pluginError(
    "DENIED",
    "The policy does not allow reading the key.",
    `Grant "read" on ${keyPath} (the set-up material contains the policy), ${orMisspelt}.`,
  )
}

function readTransitKey(answer: OpenBaoAnswer, keyPath: string): TransitKey {
  if (answer.status !== 200) throw transitError(answer, keyPath)
  const parsed = keyShape.safeParse(answer.data)
  if (!parsed.success) throw unexpectedAnswer(answer)
  const read = parsed.data
  return {
    type: read.type,
    latestVersion: read.latest_version,
    minDecryptionVersion: read.min_decryption_version,
    minEncryptionVersion: read.min_encryption_version,
    imported: read.imported_key,
    autoRotatePeriodSeconds: read.auto_rotate_period,
    exportable: read.exportable,
    allowsPlaintextBackup: read.allow_plaintext_backup,
    deletionAllowed: read.deletion_allowed,
    derived: read.derived,
    convergent: read.convergent_encryption,
    softDeleted: read.soft_deleted,
    versions: Object.entries(read.keys)
      .map(([version, createdAtMs]) => ({ version: Number(version), createdAtMs }))
      .toSorted((left, right) => left.version - right.version),
  }
}

function requestId(answer: OpenBaoAnswer): { readonly requestId?: string } {
  return answer.requestId === undefined ? {} : { requestId: answer.requestId }
}
