import { createCipheriv, createDecipheriv, createSecretKey, hkdfSync, type KeyObject } from "node:crypto"
import { wrapRejected } from "./error.ts"

/** Length of every key here, in bytes. */
export const keyLength = 32
/** Length of a nonce of AES-256-GCM, in bytes. */
export const nonceLength = 12
/** Length of a tag of AES-256-GCM, in bytes. */
export const tagLength = 16
/** Longest `info` that Node's HKDF takes, in bytes. */
const maximumInfoLength = 1024
/** Longest output of HKDF-SHA-512, in bytes: 255 blocks (RFC 5869 §2.3). */
const maximumHkdfLength = 255 * 64

/**
 * Derives bytes by HKDF-SHA-512 (RFC 5869).
 *
 * @param info - at most 1024 bytes
 * @param length - of the output, in bytes: 1 to 16,320
 * @returns the output; the caller fills it with zeros after use
 * @throws {RangeError} `length` or `info` is out of bounds
 */
export function hkdfSha512(
  secret: KeyObject | Uint8Array,
  salt: Uint8Array,
  info: Uint8Array,
  length: number,
): Uint8Array {
  if (!Number.isInteger(length) || length < 1 || length > maximumHkdfLength) {
    throw new RangeError(`HKDF-SHA-512 derives 1 to ${maximumHkdfLength} bytes`)
  }
  if (info.length > maximumInfoLength) throw new RangeError(`HKDF info is at most ${maximumInfoLength} bytes`)
  return new Uint8Array(hkdfSync("sha512", secret, salt, info, length))
}

/** Result of sealing with AES-256-GCM. */
export interface SealedText {
  /** As long as the plaintext. */
  readonly ciphertext: Uint8Array
  /** 16 bytes. */
  readonly tag: Uint8Array
}

/**
 * Seals by AES-256-GCM (NIST SP 800-38D), with a 256-bit key, a 96-bit nonce and a 128-bit tag only. Use a nonce once per
 * key.
 *
 * @throws {TypeError} the key object does not hold a secret key
 * @throws {RangeError} the key or the nonce has another length
 */
export function aes256GcmSeal(
  key: KeyObject | Uint8Array,
  nonce: Uint8Array,
  plaintext: Uint8Array,
  associatedData: Uint8Array,
): SealedText {
  const cipher = createCipheriv("aes-256-gcm", gcmKey(key, nonce), nonce, { authTagLength: tagLength })
  cipher.setAAD(associatedData)
  const ciphertext = cipher.update(plaintext)
  cipher.final()
  return { ciphertext, tag: cipher.getAuthTag() }
}

/**
 * Opens the result of {@link aes256GcmSeal}.
 *
 * @returns the plaintext; the caller fills it with zeros after use
 * @throws {WrapError} CIPHERTEXT_REJECTED - the tag does not match
 * @throws {TypeError} the key object does not hold a secret key
 * @throws {RangeError} the key, the nonce or the tag has another length
 */
export function aes256GcmOpen(
  key: KeyObject | Uint8Array,
  nonce: Uint8Array,
  sealed: SealedText,
  associatedData: Uint8Array,
): Uint8Array {
  if (sealed.tag.length !== tagLength) throw new RangeError("an AES-256-GCM tag here has 128 bits")
  const decipher = createDecipheriv("aes-256-gcm", gcmKey(key, nonce), nonce, { authTagLength: tagLength })
  decipher.setAAD(associatedData)
  decipher.setAuthTag(sealed.tag)
  const plaintext = decipher.update(sealed.ciphertext)
  try {
    decipher.final()
  } catch {
    // OpenSSL fails here for one reason, the tag; its message stays inside.
    plaintext.fill(0)
    throw wrapRejected()
  }
  return plaintext
}

function gcmKey(key: KeyObject | Uint8Array, nonce: Uint8Array): KeyObject {
  if (nonce.length !== nonceLength) throw new RangeError("an AES-256-GCM nonce here has 96 bits")
  // Node sets up a cipher about three times as fast with a KeyObject as with bare bytes.
  const keyObject = key instanceof Uint8Array ? createSecretKey(key) : key
  if (keyObject.type !== "secret") throw new TypeError("an AES-256-GCM key is a secret key")
  if (keyObject.symmetricKeySize !== keyLength) throw new RangeError("an AES-256-GCM key here has 256 bits")
  return keyObject
}
