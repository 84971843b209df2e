import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto"
import type { KeyState } from "@apeiro-cmk/plugin-interface"
import { unwrapKeyMaterial } from "./key-import.ts"

/** Reason of a refusal; the reference server sends it unchanged. */
export type VaultRefusal = "key-not-found" | "key-disabled" | "key-exists" | "ciphertext-rejected"

/** A refusal of the vault. */
export class VaultError extends Error {
  readonly refusal: VaultRefusal

  constructor(refusal: VaultRefusal) {
    super(refusal)
    this.refusal = refusal
  }
}

interface VaultKey {
  /** The vault's own id of the key: a key that is made again under the same name is another key. */
  readonly serial: string
  state: KeyState
  readonly versions: { readonly material: Buffer; readonly createdAtMs: number }[]
}

const nonceLength = 12
const tagLength = 16

/** The keys of the reference keystore: AES-256-GCM, in memory. */
export class ReferenceVault {
  readonly #keys = new Map<string, VaultKey>()

  has(keyId: string): boolean {
    return this.#keys.has(keyId)
  }

  /** Makes a key, or leaves the one of this name alone. With the origin `import` it waits for its material. */
  create(keyId: string, origin: "generate" | "import" = "generate"): void {
    if (this.has(keyId)) return
    const state = origin === "import" ? "PENDING_IMPORT" : "ENABLED"
    this.#keys.set(keyId, { serial: randomBytes(8).toString("hex"), state, versions: [] })
    if (origin === "generate") this.rotate(keyId)
  }

  /** Takes wrapped material in, once. @param token - the serial of the key, out of its import parameters */
  import(keyId: string, wrapped: Uint8Array, token: string): void {
    const key = this.#key(keyId)
    if (key.state !== "PENDING_IMPORT") throw new VaultError("key-exists")
    const material = token === key.serial ? unwrapKeyMaterial(wrapped) : undefined
    if (material?.length !== 32) throw new VaultError("ciphertext-rejected")
    key.versions.push({ material, createdAtMs: Date.now() })
    key.state = "ENABLED"
  }

  rotate(keyId: string): void {
    this.#key(keyId).versions.push({ material: randomBytes(32), createdAtMs: Date.now() })
  }

  setState(keyId: string, state: KeyState): void {
    const key = this.#key(keyId)
    if (key.state === "PENDING_IMPORT") throw new VaultError("key-disabled")
    key.state = state
  }

  delete(keyId: string): void {
    this.#key(keyId)
    this.#keys.delete(keyId)
  }

  describe(keyId: string) {
    const { serial, state, versions } = this.#key(keyId)
    return { serial, state, versions: versions.map(({ createdAtMs }) => ({ createdAtMs })) }
  }

  encrypt(keyId: string, plaintext: Uint8Array, associatedData: Uint8Array) {
    const { versions } = this.#usableKey(keyId)
    const nonce = randomBytes(nonceLength)
    const cipher = createCipheriv("aes-256-gcm", materialOf(versions.at(-1)), nonce).setAAD(associatedData)
    const body = Buffer.concat([cipher.update(plaintext), cipher.final()])
    return { ciphertext: Buffer.concat([nonce, body, cipher.getAuthTag()]), version: versions.length }
  }

  decrypt(keyId: string, version: number, ciphertext: Uint8Array, associatedData: Uint8Array): Uint8Array {
    const { versions } = this.#usableKey(keyId)
    return openWithMaterial(materialOf(versions[version - 1]), ciphertext, associatedData)
  }

  #key(keyId: string): VaultKey {
    const key = this.#keys.get(keyId)
    if (key === undefined) throw new VaultError("key-not-found")
    return key
  }

  #usableKey(keyId: string): VaultKey {
    const key = this.#key(keyId)
    if (key.state !== "ENABLED") throw new VaultError("key-disabled")
    return key
  }
}

function materialOf(version: { readonly material: Buffer } | undefined): Buffer {
  if (version === undefined) throw new VaultError("ciphertext-rejected")
  return version.material
}

/** Opens nonce, encrypted bytes and tag. */
export function openWithMaterial(material: Buffer, ciphertext: Uint8Array, associatedData: Uint8Array): Uint8Array {
  const bytes = Buffer.from(ciphertext)
  if (bytes.length < nonceLength + tagLength) throw new VaultError("ciphertext-rejected")
  const decipher = createDecipheriv("aes-256-gcm", material, bytes.subarray(0, nonceLength))
  decipher.setAAD(associatedData).setAuthTag(bytes.subarray(-tagLength))
  const opened = decipher.update(bytes.subarray(nonceLength, -tagLength))
  try {
    return Buffer.concat([opened, decipher.final()])
  } catch {
    throw new VaultError("ciphertext-rejected") // OpenSSL says no more than that the tag does not fit
  }
}
