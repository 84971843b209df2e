import { createHash, timingSafeEqual } from "node:crypto"
import type { Template } from "pkcs11js"
import type { KeyUse } from "./gcm.ts"
import type { Pkcs11Module } from "./pkcs11.ts"

const digestBytes = 32
const lengthBytes = 2
const blockBytes = 8 // RFC 3394

/** Length of the shortest output of {@link sealByKeyWrap}, in bytes. */
export const keyWrapOverheadBytes = digestBytes + 2 * blockBytes

/**
 * Encrypts by AES key wrap (RFC 3394). It takes no associated data, so the SHA-256 of the associated data is wrapped in
 * front of the plaintext and its length, and compared on decryption.
 */
export async function sealByKeyWrap(use: KeyUse, plaintext: Uint8Array, associatedData: Uint8Array): Promise<Buffer> {
  const { library, constants, session, handle } = use
  const length = Buffer.alloc(lengthBytes)
  length.writeUInt16BE(plaintext.length)
  const content = Buffer.concat([digestOf(associatedData), length, plaintext])
  const value = Buffer.concat([content, Buffer.alloc((blockBytes - (content.length % blockBytes)) % blockBytes)])
  content.fill(0)
  const carrier = library.C_CreateObject(session, [...carrierTemplate(constants), { type: constants.CKA_VALUE, value }])
  value.fill(0)
  try {
    const room = Buffer.alloc(content.length + 3 * blockBytes)
    return await library.C_WrapKeyAsync(session, { mechanism: constants.CKM_AES_KEY_WRAP }, handle, carrier, room)
  } finally {
    library.C_DestroyObject(session, carrier)
  }
}

/** Decrypts the output of {@link sealByKeyWrap}. @returns `undefined` when it belongs to another context */
export async function openByKeyWrap(
  use: KeyUse,
  sealed: Buffer,
  associatedData: Uint8Array,
): Promise<Buffer | undefined> {
  const { library, constants, session, handle } = use
  const mechanism = { mechanism: constants.CKM_AES_KEY_WRAP }
  const carrier = await library.C_UnwrapKeyAsync(session, mechanism, handle, sealed, carrierTemplate(constants))
  let value: Buffer | undefined
  try {
    const [attribute] = library.C_GetAttributeValue(session, carrier, [{ type: constants.CKA_VALUE }])
    value = Buffer.isBuffer(attribute?.value) ? attribute.value : Buffer.alloc(0)
    return contentOf(value, associatedData)
  } finally {
    value?.fill(0)
    library.C_DestroyObject(session, carrier)
  }
}

function contentOf(value: Buffer, associatedData: Uint8Array): Buffer | undefined {
  const start = digestBytes + lengthBytes
  if (value.length < start || !timingSafeEqual(value.subarray(0, digestBytes), digestOf(associatedData)))
    return undefined
  const end = start + value.readUInt16BE(digestBytes)
  return end > value.length ? undefined : Buffer.from(value.subarray(start, end))
}

/** The wrapped object is a session object, which ends with its session. */
function carrierTemplate(constants: Pkcs11Module): Template {
  return [
    { type: constants.CKA_CLASS, value: constants.CKO_SECRET_KEY },
    { type: constants.CKA_KEY_TYPE, value: constants.CKK_GENERIC_SECRET },
    { type: constants.CKA_TOKEN, value: false },
    { type: constants.CKA_PRIVATE, value: true },
    { type: constants.CKA_SENSITIVE, value: false },
    { type: constants.CKA_EXTRACTABLE, value: true },
  ]
}

function digestOf(associatedData: Uint8Array): Buffer {
  return createHash("sha256").update(associatedData).digest()
}
