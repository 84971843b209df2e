import { createSecretKey, type KeyObject, timingSafeEqual } from "node:crypto"
import type { RandomSource } from "@apeiro-cmk/plugin-interface"
import { FieldReader, joinFields } from "./byte-fields.ts"
import { wrapRejected } from "./error.ts"
import { aes256GcmOpen, aes256GcmSeal, hkdfSha512, keyLength, nonceLength, tagLength } from "./primitives.ts"

/** Length of the salt of a wrap, in bytes. */
export const saltLength = 32
/** Length of the commitment of a wrap, in bytes. */
export const commitmentLength = 32

/** Each message key is derived from a fresh salt and used once, so the nonce can be fixed. */
const zeroNonce = new Uint8Array(nonceLength)

/** Parameters that a wrap is bound to. */
export interface WrapParameters {
  /** 32 bytes. */
  readonly parent: KeyObject | Uint8Array
  /** Purpose of the wrap, e.g. `apeiro-cmk/v1/data-key`: separates keys of different uses. ASCII. */
  readonly label: string
  /** Associated data. It is not part of the result, so it must be at hand for opening. Label and header: at most 1020 bytes. */
  readonly header: Uint8Array
}

/**
 * Wraps bytes so that they open under one parent, label and header only, and commits to all three, as AWS's committing
 * suites do: AES-GCM alone lets one ciphertext open under two keys. Every byte is specified in docs/envelope.md.
 *
 * @param plaintext - at most 65,535 bytes; stays the caller's
 * @throws {RangeError} the parent does not have 32 bytes, or label, header or plaintext is too long
 */
export function sealCommitted(
  request: WrapParameters & { readonly plaintext: Uint8Array; readonly random: RandomSource },
): Uint8Array {
  const salt = request.random.bytes(saltLength)
  const { messageKey, commitment } = deriveMessageKey(request, salt)
  const { ciphertext, tag } = aes256GcmSeal(messageKey, zeroNonce, request.plaintext, request.header)
  return joinFields([salt, commitment, ciphertext, tag])
}

/**
 * Opens a wrap that {@link sealCommitted} made.
 *
 * @returns the plaintext; the caller fills it with zeros after use
 * @throws {WrapError} CIPHERTEXT_REJECTED - altered, truncated, extended, or another parent, label or header
 */
export function openCommitted(request: WrapParameters & { readonly sealed: Uint8Array }): Uint8Array {
  const fields = parseSealed(request.sealed)
  if (fields === undefined) throw wrapRejected()
  return openSealedFields(request, fields)
}

/** Opens a wrap that {@link parseSealed} took apart. Errors as {@link openCommitted}. */
export function openSealedFields(parameters: WrapParameters, fields: SealedFields): Uint8Array {
  const { messageKey, commitment } = deriveMessageKey(parameters, fields.salt)
  if (!timingSafeEqual(commitment, fields.commitment)) throw wrapRejected()
  return aes256GcmOpen(messageKey, zeroNonce, fields, parameters.header)
}

/** Fields of a wrap, in their order. */
export interface SealedFields {
  readonly salt: Uint8Array
  readonly commitment: Uint8Array
  readonly ciphertext: Uint8Array
  readonly tag: Uint8Array
}

/** Takes a wrap apart. @returns undefined for bytes that do not have the shape of a wrap, to the last byte */
export function parseSealed(sealed: Uint8Array): SealedFields | undefined {
  const reader = new FieldReader(sealed)
  const salt = reader.field()
  const commitment = reader.field()
  const ciphertext = reader.field()
  const tag = reader.field()
  if (salt?.length !== saltLength || commitment?.length !== commitmentLength) return undefined
  if (ciphertext === undefined || tag?.length !== tagLength || !reader.atEnd) return undefined
  return { salt, commitment, ciphertext, tag }
}

function deriveMessageKey(
  { parent, label, header }: WrapParameters,
  salt: Uint8Array,
): { readonly messageKey: KeyObject; readonly commitment: Uint8Array } {
  const parentLength = parent instanceof Uint8Array ? parent.length : parent.symmetricKeySize
  if (parentLength !== keyLength) throw new RangeError("the parent of a wrap has 256 bits")
  const derived = hkdfSha512(parent, salt, joinFields([label, header]), keyLength + commitmentLength)
  const messageKeyBytes = derived.subarray(0, keyLength)
  try {
    return { messageKey: createSecretKey(messageKeyBytes), commitment: derived.subarray(keyLength) }
  } finally {
    messageKeyBytes.fill(0)
  }
}
