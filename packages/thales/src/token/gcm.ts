import { randomBytes } from "node:crypto"
import type { PKCS11 } from "pkcs11js"
import type { Pkcs11Module } from "./pkcs11.ts"

/** A key, and the session in which it is used. */
export interface KeyUse {
  readonly library: PKCS11
  readonly constants: Pkcs11Module
  readonly session: Buffer
  readonly handle: Buffer
}

const ivBytes = 12 // NIST SP 800-38D, §5.2.1.1
const tagBytes = 16

/** Bytes that {@link sealByGcm} adds to the plaintext. */
export const gcmOverheadBytes = ivBytes + tagBytes

/** Encrypts by AES-GCM with an initialization vector that we generate. Format: vector, ciphertext, tag. */
export async function sealByGcm(use: KeyUse, plaintext: Uint8Array, associatedData: Uint8Array): Promise<Buffer> {
  const { library, session, handle } = use
  const iv = randomBytes(ivBytes)
  library.C_EncryptInit(session, mechanism(use.constants, iv, associatedData), handle)
  const room = Buffer.alloc(plaintext.length + tagBytes)
  return Buffer.concat([iv, await library.C_EncryptAsync(session, Buffer.from(plaintext), room)])
}

/** Decrypts the output of {@link sealByGcm}. */
export async function openByGcm(use: KeyUse, sealed: Buffer, associatedData: Uint8Array): Promise<Buffer> {
  const { library, session, handle } = use
  library.C_DecryptInit(session, mechanism(use.constants, sealed.subarray(0, ivBytes), associatedData), handle)
  return library.C_DecryptAsync(session, sealed.subarray(ivBytes), Buffer.alloc(sealed.length))
}

/** Lengths of the vectors that HSMs generate. */
const tokenVectorBytes = [12, 16]

/**
 * Encrypts by AES-GCM with an initialization vector that the token generates and appends to the ciphertext, as HSMs do
 * in FIPS mode. Format: length of the vector, ciphertext, tag, vector. The output is decrypted once before it is
 * returned, since a token that appends nothing would have lost the vector.
 *
 * @returns `undefined` when the token works in another way
 */
export async function sealByTokenVector(
  use: KeyUse,
  plaintext: Uint8Array,
  associatedData: Uint8Array,
): Promise<Buffer | undefined> {
  const { library, session, handle } = use
  library.C_EncryptInit(session, mechanism(use.constants, Buffer.alloc(0), associatedData), handle)
  const room = Buffer.alloc(plaintext.length + tagBytes + Math.max(...tokenVectorBytes))
  const made = await library.C_EncryptAsync(session, Buffer.from(plaintext), room)
  const vectorBytes = made.length - plaintext.length - tagBytes
  if (!tokenVectorBytes.includes(vectorBytes)) return undefined
  const sealed = Buffer.concat([Uint8Array.of(vectorBytes), made])
  const opened = await openByTokenVector(use, sealed, associatedData)
  const isSame = opened?.equals(plaintext) === true
  opened?.fill(0)
  return isSame ? sealed : undefined
}

/** Decrypts the output of {@link sealByTokenVector}. @returns `undefined` for bytes that cannot be its output */
export async function openByTokenVector(
  use: KeyUse,
  sealed: Buffer,
  associatedData: Uint8Array,
): Promise<Buffer | undefined> {
  const { library, session, handle } = use
  const vectorBytes = sealed[0] ?? 0
  if (!tokenVectorBytes.includes(vectorBytes) || sealed.length <= 1 + tagBytes + vectorBytes) return undefined
  const iv = sealed.subarray(-vectorBytes)
  library.C_DecryptInit(session, mechanism(use.constants, iv, associatedData), handle)
  return library.C_DecryptAsync(session, sealed.subarray(1, -vectorBytes), Buffer.alloc(sealed.length))
}

function mechanism(constants: Pkcs11Module, iv: Buffer, associatedData: Uint8Array) {
  return {
    mechanism: constants.CKM_AES_GCM,
    parameter: {
      type: constants.CK_PARAMS_AES_GCM,
      iv,
      ivBits: iv.length * 8,
      aad: Buffer.from(associatedData),
      tagBits: tagBytes * 8,
    },
  }
}
