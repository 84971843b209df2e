import type { OpenBaoAnswer } from "@apeiro-cmk/openbao-client"
import { quotedAnswer, unexpectedAnswer } from "@apeiro-cmk/openbao-client"
import type { PluginError, PluginErrorCode } from "@apeiro-cmk/plugin-interface"
import { pluginError } from "@apeiro-cmk/plugin-sdk"

/**
 * A key type that no server knows. An encrypt on a missing key would create the key when the policy has `create`; the
 * server checks the type only when it is about to create a key, and then refuses this one.
 */
export const impossibleKeyType = "apeiro-cmk-never-create"

/** One row: an answer and its meaning. */
export interface AnswerMeaning {
  readonly status: number
  /** Matched against the texts of `errors`, because OpenBao has no error codes. Absent: any text. */
  readonly says?: RegExp
  /** True for answers without the field `errors`, which only other engines send. */
  readonly withoutErrors?: boolean
  readonly code: PluginErrorCode
  readonly message: string
  readonly nextStep: string
}

const checkKey = "Check mount_path, key_name and namespace, or create the key as the set-up material shows."
const useAead = "Use a key of type aes256-gcm96 that is neither derived nor convergent."
/** Under a policy of least privilege a wrong name gives the same answer as a missing permission. */
export const orMisspelt = "or correct mount_path and key_name if they are misspelt"
const notTransit = {
  code: "KEY_UNSUITABLE",
  message: "The engine at mount_path is not a transit engine.",
  nextStep: "Set mount_path to the mount of a transit secrets engine.",
} as const

/**
 * Answers of the transit engine and their meaning; the first matching row applies. Source: OpenBao 2.7.2, each row
 * observed on a running server. openbao-client has already handled what applies to every request (invalid token,
 * sealed, throttled, 5xx), so a 403 here is a denial.
 */
const transitErrors = {
  keyMissing: {
    status: 400,
    says: /^encryption key not found/,
    code: "KEY_NOT_FOUND",
    message: "OpenBao has no such key.",
    nextStep: checkKey,
  },
  keyWouldBeMade: {
    status: 400,
    says: new RegExp(`^unknown key type ${impossibleKeyType}`),
    code: "KEY_NOT_FOUND",
    message: "OpenBao has no such key, and the policy would allow an encrypt to create it by accident.",
    nextStep: `${checkKey} Remove "create" on the encrypt path from the policy.`,
  },
  keySoftDeleted: {
    status: 400,
    says: /soft-deleted key/,
    code: "KEY_DISABLED",
    message: "The key is soft-deleted in OpenBao.",
    nextStep: "Restore it (`bao write -f KEY_PATH/soft-delete-restore`); service resumes within the lease.",
  },
  versionDisabled: {
    status: 400,
    says: /disallowed by policy \(too old\)/,
    code: "KEY_DISABLED",
    message: "This version of the key is disabled: it is below the key's min_decryption_version.",
    nextStep: "Lower min_decryption_version of the key until a newer version wraps everything.",
  },
  typeWithoutContext: {
    status: 400,
    says: /non-AEAD cipher suite|not supported for key type/,
    code: "KEY_UNSUITABLE",
    message: "Keys of this type cannot bind a wrap to its context.",
    nextStep: useAead,
  },
  derivedKey: {
    status: 400,
    says: /missing 'context' for key derivation/,
    code: "KEY_UNSUITABLE",
    message: "The key is a derived key.",
    nextStep: useAead,
  },
  ciphertextRefused: {
    status: 400,
    says: /message authentication failed|^invalid ciphertext/,
    code: "CIPHERTEXT_REJECTED",
    message: "OpenBao refuses the ciphertext: it is altered, or belongs to another context, version or key.",
    nextStep: "Use the ciphertext with the tenant, key and version that it was created for.",
  },
  denied: {
    status: 403,
    code: "DENIED",
    message: "The policy does not allow this operation on this key.",
    nextStep: `Grant "update" on the encrypt and decrypt paths of the key (the set-up material contains the policy), ${orMisspelt}.`,
  },
  mountMissing: {
    status: 404,
    says: /no handler for route/,
    code: "KEY_NOT_FOUND",
    message: "Nothing is mounted at mount_path.",
    nextStep: "Check mount_path and namespace, and enable the transit engine as the set-up material shows.",
  },
  namespaceMissing: {
    status: 404,
    says: /namespace not found/,
    code: "KEY_NOT_FOUND",
    message: "OpenBao has no such namespace, and therefore no such key.",
    nextStep: "Correct namespace, or create it in OpenBao.",
  },
  otherEngine: { status: 404, says: /unsupported path/, ...notTransit },
  // A versioned key-value engine sends warnings only.
  versionedKeyValueEngine: { status: 404, withoutErrors: true, ...notTransit },
  keyUnreadable: { status: 404, code: "KEY_NOT_FOUND", message: "OpenBao has no such key.", nextStep: checkKey },
  otherEngineWithoutOperation: { status: 405, ...notTransit },
  // A key-value engine accepts a write at any path, and answers without a body.
  keyValueEngine: { status: 204, ...notTransit },
} as const satisfies Readonly<Record<string, AnswerMeaning>>

/** Name of a row of the error table. */
export type TransitErrorName = keyof typeof transitErrors

/** Returns the name of the row that matches an answer, if any. */
export function transitErrorName(answer: OpenBaoAnswer): TransitErrorName | undefined {
  return rowOf(transitErrors, answer)
}

/**
 * Translates an answer that is not a success; one without a row is `BAD_RESPONSE`, whose cause quotes OpenBao.
 *
 * @param keyPath - path of the requested key, e.g. `transit/keys/my-key`, for commands in the next step
 */
export function transitError(answer: OpenBaoAnswer, keyPath: string): PluginError {
  const name = transitErrorName(answer)
  return name === undefined ? unexpectedAnswer(answer) : errorOfRow(transitErrors[name], answer, keyPath)
}

/** Returns the name of the first row in a table that matches an answer, if any. */
export function rowOf<Name extends string>(
  table: Readonly<Record<Name, AnswerMeaning>>,
  answer: OpenBaoAnswer,
): Name | undefined {
  const names = Object.keys(table).filter((name): name is Name => name in table)
  return names.find((name) => matches(table[name], answer))
}

/** Makes the error of a row; its cause quotes OpenBao. */
export function errorOfRow(row: AnswerMeaning, answer: OpenBaoAnswer, keyPath: string): PluginError {
  const { code, message, nextStep } = row
  return pluginError(code, message, nextStep.replace("KEY_PATH", keyPath), { cause: quotedAnswer(answer) })
}

function matches(row: AnswerMeaning, answer: OpenBaoAnswer): boolean {
  if (row.status !== answer.status) return false
  if (row.withoutErrors === true) return answer.errors === undefined
  return row.says === undefined || answer.errors?.some((text) => row.says?.test(text)) === true
}

/** Makes the error for a mount that lacks a path that every transit engine has. */
export function notTransitError(answer: OpenBaoAnswer): PluginError {
  return errorOfRow(transitErrors.otherEngine, answer, "")
}

/** Makes the error for a decrypt that did not return what was encrypted. */
export function keyMismatch(): PluginError {
  return pluginError(
    "KEY_MISMATCH",
    "OpenBao did not return the plaintext that it had encrypted.",
    "Do not use this keystore; check which server answers at vault_address.",
  )
}
