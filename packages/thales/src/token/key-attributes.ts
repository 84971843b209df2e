import type { PKCS11 } from "pkcs11js"
import type { TokenKey } from "./messages.ts"
import { type Pkcs11Module, returnValueOf } from "./pkcs11.ts"

type Handle = Buffer

/** CKR_ATTRIBUTE_SENSITIVE, CKR_ATTRIBUTE_TYPE_INVALID. */
const notReported = [17, 18]

/** Returns the attributes of a new key, which never leaves the token. */
export function newKeyTemplate(constants: Pkcs11Module, keyLabel: string) {
  return [
    { type: constants.CKA_CLASS, value: constants.CKO_SECRET_KEY },
    { type: constants.CKA_KEY_TYPE, value: constants.CKK_AES },
    { type: constants.CKA_VALUE_LEN, value: 32 },
    { type: constants.CKA_LABEL, value: keyLabel },
    { type: constants.CKA_TOKEN, value: true },
    { type: constants.CKA_PRIVATE, value: true },
    { type: constants.CKA_SENSITIVE, value: true },
    { type: constants.CKA_EXTRACTABLE, value: false },
    { type: constants.CKA_ENCRYPT, value: true },
    { type: constants.CKA_DECRYPT, value: true },
    { type: constants.CKA_WRAP, value: false },
    { type: constants.CKA_UNWRAP, value: false },
  ]
}

/** Reads a key's attributes; one that the token does not report counts as the unsafe value. */
export function readKey(library: PKCS11, constants: Pkcs11Module, session: Handle, key: Handle): TokenKey {
  const value = (type: number): Buffer | undefined => {
    try {
      const [attribute] = library.C_GetAttributeValue(session, key, [{ type }])
      return Buffer.isBuffer(attribute?.value) ? attribute.value : undefined
    } catch (error) {
      if (notReported.includes(returnValueOf(error) ?? 0)) return undefined
      throw error
    }
  }
  const is = (type: number): boolean => value(type)?.[0] === 1
  return {
    checkValue: value(constants.CKA_CHECK_VALUE)?.toString("hex") ?? "",
    sensitive: is(constants.CKA_SENSITIVE),
    extractable: value(constants.CKA_EXTRACTABLE)?.[0] !== 0,
    neverExtractable: is(constants.CKA_NEVER_EXTRACTABLE),
    alwaysSensitive: is(constants.CKA_ALWAYS_SENSITIVE),
    encrypts: is(constants.CKA_ENCRYPT),
    decrypts: is(constants.CKA_DECRYPT),
    wraps: is(constants.CKA_WRAP),
    unwraps: is(constants.CKA_UNWRAP),
    lengthBytes: value(constants.CKA_VALUE_LEN)?.readUInt32LE(0) ?? 0,
  }
}
