import type { PluginErrorCode } from "@apeiro-cmk/plugin-interface"

/**
 * What follows from a return value of a PKCS#11 call for the process that made it.
 *
 * - `keep` - nothing: the call was wrong, or the data
 * - `prove` - unclear: a round trip that must succeed decides whether the data were at fault or the token
 * - `drop session` - this session is not used again
 * - `drop generation` - no session and no handle from before is used again; the user logs in anew
 * - `re-initialize` - the library is finalized and initialized, as after a restart of the device
 */
export type Consequence = "keep" | "prove" | "drop session" | "drop generation" | "re-initialize"

/** One return value, and what it means here. */
export interface ReturnValueMeaning {
  readonly name: string
  readonly consequence: Consequence
  readonly code: PluginErrorCode
  readonly message: string
  readonly nextStep: string
}

const wait = "Look at the HSM; service resumes by itself when it answers again."
const useAes = "Use an AES-256 key with the attributes that the set-up material shows."
const device = { consequence: "re-initialize", code: "UNREACHABLE", nextStep: wait } as const
const session = { consequence: "drop session", code: "UNREACHABLE", nextStep: wait } as const
const generation = { consequence: "drop generation", code: "UNREACHABLE", nextStep: wait } as const
const unsuitable = { consequence: "keep", code: "KEY_UNSUITABLE", nextStep: useAes } as const
const rejected = {
  consequence: "keep",
  code: "CIPHERTEXT_REJECTED",
  nextStep: "Use the ciphertext with the tenant, key and version that it was made for.",
} as const
const pin = { consequence: "keep", code: "CREDENTIAL_REJECTED" } as const

/** Return values by number. Source: OASIS PKCS#11 v3.1, §5.1.6 and `pkcs11t.h`. */
export const returnValues: Readonly<Record<number, ReturnValueMeaning>> = {
  2: { name: "CKR_HOST_MEMORY", ...device, message: "The PKCS#11 library is out of memory." },
  3: { name: "CKR_SLOT_ID_INVALID", ...device, message: "The slot of the token is gone." },
  5: { name: "CKR_GENERAL_ERROR", ...device, consequence: "prove", message: "The token failed without saying why." },
  6: { name: "CKR_FUNCTION_FAILED", ...device, consequence: "prove", message: "The token could not do it." },
  7: { name: "CKR_ARGUMENTS_BAD", ...unsuitable, message: "The token does not take the parameters of the mechanism." },
  32: { name: "CKR_DATA_INVALID", ...rejected, message: "The token refuses the data." },
  33: { name: "CKR_DATA_LEN_RANGE", ...rejected, message: "The token refuses data of this length." },
  48: { name: "CKR_DEVICE_ERROR", ...device, message: "The HSM has a fault." },
  49: { name: "CKR_DEVICE_MEMORY", ...session, message: "The HSM is out of memory." },
  50: { name: "CKR_DEVICE_REMOVED", ...device, message: "The HSM is gone." },
  64: { name: "CKR_ENCRYPTED_DATA_INVALID", ...rejected, message: "The token refuses the ciphertext." },
  65: { name: "CKR_ENCRYPTED_DATA_LEN_RANGE", ...rejected, message: "The token refuses a ciphertext of this length." },
  80: { name: "CKR_FUNCTION_CANCELED", ...session, message: "The call was cancelled in the token." },
  84: { name: "CKR_FUNCTION_NOT_SUPPORTED", ...unsuitable, message: "The token does not have this function." },
  96: { name: "CKR_KEY_HANDLE_INVALID", ...generation, message: "The handle of the key is not valid any more." },
  98: { name: "CKR_KEY_SIZE_RANGE", ...unsuitable, message: "The key has a size that the mechanism does not take." },
  99: {
    name: "CKR_KEY_TYPE_INCONSISTENT",
    ...unsuitable,
    message: "The key is of a type that the mechanism does not take.",
  },
  104: {
    name: "CKR_KEY_FUNCTION_NOT_PERMITTED",
    ...unsuitable,
    message: "The key's attributes do not permit this use.",
  },
  112: { name: "CKR_MECHANISM_INVALID", ...unsuitable, message: "The token does not have the mechanism." },
  113: {
    name: "CKR_MECHANISM_PARAM_INVALID",
    ...unsuitable,
    message: "The token does not take the mechanism's parameters.",
  },
  130: { name: "CKR_OBJECT_HANDLE_INVALID", ...generation, message: "The handle of the key is not valid any more." },
  144: { name: "CKR_OPERATION_ACTIVE", ...session, message: "The session is busy with another operation." },
  145: { name: "CKR_OPERATION_NOT_INITIALIZED", ...session, message: "The session lost its operation." },
  160: {
    name: "CKR_PIN_INCORRECT",
    ...pin,
    message: "The HSM does not accept the PIN.",
    nextStep: "Correct the PIN of the keystore; it is not tried again before it is changed.",
  },
  163: {
    name: "CKR_PIN_EXPIRED",
    ...pin,
    message: "The PIN has expired.",
    nextStep: "Change the PIN on the HSM and in the keystore.",
  },
  164: {
    name: "CKR_PIN_LOCKED",
    ...pin,
    message: "The PIN is locked after too many attempts.",
    nextStep: "Have the partition's security officer unlock it.",
  },
  176: { name: "CKR_SESSION_CLOSED", ...generation, message: "The session was closed by the HSM." },
  177: {
    name: "CKR_SESSION_COUNT",
    consequence: "keep",
    code: "THROTTLED",
    message: "The partition allows no more sessions.",
    nextStep: "Lower `sessions` of the plugin, or raise the partition's limit.",
  },
  179: { name: "CKR_SESSION_HANDLE_INVALID", ...generation, message: "The session is not valid any more." },
  224: { name: "CKR_TOKEN_NOT_PRESENT", ...device, message: "The partition is not there." },
  225: { name: "CKR_TOKEN_NOT_RECOGNIZED", ...device, message: "The partition is not recognized." },
  257: { name: "CKR_USER_NOT_LOGGED_IN", ...generation, message: "The login has ended." },
  258: {
    name: "CKR_USER_PIN_NOT_INITIALIZED",
    ...pin,
    message: "The partition has no user PIN yet.",
    nextStep: "Initialize the crypto user of the partition.",
  },
  272: { name: "CKR_WRAPPED_KEY_INVALID", ...rejected, message: "The token refuses the ciphertext." },
  274: { name: "CKR_WRAPPED_KEY_LEN_RANGE", ...rejected, message: "The token refuses a ciphertext of this length." },
  400: { name: "CKR_CRYPTOKI_NOT_INITIALIZED", ...device, message: "The PKCS#11 library is not initialized." },
}

const unknownValue: ReturnValueMeaning = {
  name: "CKR_UNKNOWN",
  ...device,
  consequence: "prove",
  message: "The token failed in a way of its vendor's own.",
}

/** What a return value means; those that are not listed, vendors' own among them, are unclear. */
export function meaningOf(returnValue: number): ReturnValueMeaning {
  const known = returnValues[returnValue]
  if (known !== undefined) return known
  return { ...unknownValue, name: `CKR_0x${returnValue.toString(16).padStart(8, "0")}` }
}
