import type { PluginErrorCode } from "@apeiro-cmk/plugin-interface"

/**
 * The action that a process takes after a return value of a PKCS#11 call.
 *
 * - `keep` - none: the call or the data was wrong
 * - `prove` - unclear: a round trip that must succeed decides whether the data or the token was at fault
 * - `drop session` - never uses this session again
 * - `drop generation` - never uses an earlier session or handle again; the user logs in again
 * - `re-initialize` - finalizes and initializes the library, as after a restart of the device
 */
export type Consequence = "keep" | "prove" | "drop session" | "drop generation" | "re-initialize"

/** The meaning of one return value. */
export interface ReturnValueMeaning {
  readonly name: string
  readonly consequence: Consequence
  readonly code: PluginErrorCode
  readonly message: string
  readonly nextStep: string
  /** Whether the token refuses the PIN itself: it is never tried there again. */
  readonly refusesPin?: true
}

const wait = "Check the HSM; service resumes on its own when the HSM answers again."
const useAes = "Use an AES-256 key with the attributes in the set-up material."
const device = { consequence: "re-initialize", code: "UNREACHABLE", nextStep: wait } as const
const session = { consequence: "drop session", code: "UNREACHABLE", nextStep: wait } as const
const generation = { consequence: "drop generation", code: "UNREACHABLE", nextStep: wait } as const
const unsuitable = { consequence: "keep", code: "KEY_UNSUITABLE", nextStep: useAes } as const
const rejected = {
  consequence: "keep",
  code: "CIPHERTEXT_REJECTED",
  nextStep: "Use the ciphertext with the tenant, key and version for which it was made.",
} as const
const pin = { consequence: "keep", code: "CREDENTIAL_REJECTED" } as const
const refused = { ...pin, refusesPin: true } as const
const correctPin = "Correct the PIN of the keystore; the plugin does not try the same PIN again."

/** Return values by number. Source: OASIS PKCS#11 v3.1, §5.1.6 and `pkcs11t.h`. */
export const returnValues: Readonly<Record<number, ReturnValueMeaning>> = {
  2: { name: "CKR_HOST_MEMORY", ...device, message: "The PKCS#11 library is out of memory." },
  3: { name: "CKR_SLOT_ID_INVALID", ...device, message: "The token's slot no longer exists." },
  5: {
    name: "CKR_GENERAL_ERROR",
    ...device,
    consequence: "prove",
    message: "The token failed without giving a reason.",
  },
  6: {
    name: "CKR_FUNCTION_FAILED",
    ...device,
    consequence: "prove",
    message: "The token could not perform the operation.",
  },
  7: { name: "CKR_ARGUMENTS_BAD", ...unsuitable, message: "The token does not accept the mechanism's parameters." },
  32: { name: "CKR_DATA_INVALID", ...rejected, message: "The token rejects the data." },
  33: { name: "CKR_DATA_LEN_RANGE", ...rejected, message: "The token rejects data of this length." },
  48: { name: "CKR_DEVICE_ERROR", ...device, message: "The HSM has a fault." },
  49: { name: "CKR_DEVICE_MEMORY", ...session, message: "The HSM is out of memory." },
  50: { name: "CKR_DEVICE_REMOVED", ...device, message: "The HSM was removed." },
  64: { name: "CKR_ENCRYPTED_DATA_INVALID", ...rejected, message: "The token rejects the ciphertext." },
  65: { name: "CKR_ENCRYPTED_DATA_LEN_RANGE", ...rejected, message: "The token rejects a ciphertext of this length." },
  80: { name: "CKR_FUNCTION_CANCELED", ...session, message: "The call was cancelled in the token." },
  84: { name: "CKR_FUNCTION_NOT_SUPPORTED", ...unsuitable, message: "The token does not support this function." },
  96: { name: "CKR_KEY_HANDLE_INVALID", ...generation, message: "The key's handle is no longer valid." },
  98: { name: "CKR_KEY_SIZE_RANGE", ...unsuitable, message: "The mechanism does not support keys of this size." },
  99: {
    name: "CKR_KEY_TYPE_INCONSISTENT",
    ...unsuitable,
    message: "The mechanism does not support keys of this type.",
  },
  104: {
    name: "CKR_KEY_FUNCTION_NOT_PERMITTED",
    ...unsuitable,
    message: "The key's attributes do not permit this operation.",
  },
  112: { name: "CKR_MECHANISM_INVALID", ...unsuitable, message: "The token does not support the mechanism." },
  113: {
    name: "CKR_MECHANISM_PARAM_INVALID",
    ...unsuitable,
    message: "The token does not accept the mechanism's parameters.",
  },
  130: { name: "CKR_OBJECT_HANDLE_INVALID", ...generation, message: "The key's handle is no longer valid." },
  144: { name: "CKR_OPERATION_ACTIVE", ...session, message: "The session is busy with another operation." },
  145: { name: "CKR_OPERATION_NOT_INITIALIZED", ...session, message: "The session has no operation in progress." },
  160: {
    name: "CKR_PIN_INCORRECT",
    ...refused,
    message: "The HSM does not accept the PIN.",
    nextStep: correctPin,
  },
  161: {
    name: "CKR_PIN_INVALID",
    ...refused,
    message: "The PIN has characters that the HSM does not accept.",
    nextStep: correctPin,
  },
  162: {
    name: "CKR_PIN_LEN_RANGE",
    ...refused,
    message: "The HSM does not accept a PIN of this length.",
    nextStep: correctPin,
  },
  163: {
    name: "CKR_PIN_EXPIRED",
    ...refused,
    message: "The PIN has expired.",
    nextStep: "Change the PIN on the HSM, then in the keystore.",
  },
  164: {
    name: "CKR_PIN_LOCKED",
    ...refused,
    message: "The PIN is locked after too many attempts.",
    nextStep: "Have the partition's security officer unlock it.",
  },
  176: { name: "CKR_SESSION_CLOSED", ...generation, message: "The HSM closed the session." },
  177: {
    name: "CKR_SESSION_COUNT",
    consequence: "keep",
    code: "THROTTLED",
    message: "The partition allows no more sessions.",
    nextStep: "Lower `sessions` of the plugin, or raise the partition's limit.",
  },
  179: { name: "CKR_SESSION_HANDLE_INVALID", ...generation, message: "The session is no longer valid." },
  224: { name: "CKR_TOKEN_NOT_PRESENT", ...device, message: "The partition is not present." },
  225: { name: "CKR_TOKEN_NOT_RECOGNIZED", ...device, message: "The partition is not recognized." },
  257: { name: "CKR_USER_NOT_LOGGED_IN", ...generation, message: "The login has ended." },
  258: {
    name: "CKR_USER_PIN_NOT_INITIALIZED",
    ...pin,
    message: "The partition does not have a user PIN yet.",
    nextStep: "Initialize the crypto user of the partition.",
  },
  272: { name: "CKR_WRAPPED_KEY_INVALID", ...rejected, message: "The token rejects the ciphertext." },
  274: { name: "CKR_WRAPPED_KEY_LEN_RANGE", ...rejected, message: "The token rejects a ciphertext of this length." },
  400: { name: "CKR_CRYPTOKI_NOT_INITIALIZED", ...device, message: "The PKCS#11 library is not initialized." },
}

const unknownValue: ReturnValueMeaning = {
  name: "CKR_UNKNOWN",
  ...device,
  consequence: "prove",
  message: "The token failed with a vendor-specific error.",
}

/** Returns the meaning of a return value; one that is not listed, such as a vendor's own, is unclear. */
export function meaningOf(returnValue: number): ReturnValueMeaning {
  const known = returnValues[returnValue]
  if (known !== undefined) return known
  return { ...unknownValue, name: `CKR_0x${returnValue.toString(16).padStart(8, "0")}` }
}
