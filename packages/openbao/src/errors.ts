import type { OpenBaoAnswer } from "@apeiro-cmk/openbao-client"
import { quotedAnswer, unexpectedAnswer } from "@apeiro-cmk/openbao-client"
import type { PluginError, PluginErrorCode } from "@apeiro-cmk/plugin-interface"
import { pluginError } from "@apeiro-cmk/plugin-sdk"

/**
 * A key type that no server knows. An encrypt on a missing key would make it when the policy has `create`; the server
 * looks at the type only when it is about to make a key, and then refuses this one.
 */
export const impossibleKeyType = "apeiro-cmk-never-create"

/** One row: an answer, and what it means here. */
export interface AnswerMeaning {
  readonly status: number
  /** Matched against the texts of `errors`; OpenBao has no codes. Absent: whatever else has this status. */
  readonly says?: RegExp
  /** True for answers without the field `errors`, as other engines give them. */
  readonly withoutErrors?: boolean
  readonly code: PluginErrorCode
  readonly message: string
  readonly nextStep: string
}

const checkKey = "Check mount_path, key_name and namespace; create the key as the set-up material shows."
const useAead = "Use a key of type aes256-gcm96 that is neither derived nor convergent."
/** A policy of least privilege answers a wrong name as it answers a missing right. */
export const orMisspelt = "or mount_path / key_name is misspelt"
const notTransit = {
  code: "KEY_UNSUITABLE",
  message: "What is mounted at mount_path is no transit engine.",
  nextStep: "Check mount_path: it must name a transit secrets engine.",
} as const

/**
 * What the transit engine answers, and what it means here; the first row that fits holds. Source: OpenBao 2.7.2, each
 * row as seen by running it. What holds for every request (bad token, sealed, throttled, 5xx) is settled before, in
 * openbao-client; so a 403 is a denial.
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
    message: "OpenBao has no such key, and the policy would let it be made by accident.",
    nextStep: `${checkKey} Take "create" on the encrypt path out of the policy.`,
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
    message: "This version of the key is disabled: it lies below the key's min_decryption_version.",
    nextStep: "Lower min_decryption_version of the key until everything is wrapped by a newer version.",
  },
  typeWithoutContext: {
    status: 400,
    says: /non-AEAD cipher suite|not supported for key type/,
    code: "KEY_UNSUITABLE",
    message: "The key is of a type that cannot bind a wrap to its context.",
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
    message: "OpenBao refuses the ciphertext: it is altered, or of another context, version or key.",
    nextStep: "Use the ciphertext with the tenant, key and version that it was made for.",
  },
  denied: {
    status: 403,
    code: "DENIED",
    message: "The policy does not allow this operation on this key.",
    nextStep: `Grant "update" on the encrypt and decrypt paths of the key: the set-up material has the policy; ${orMisspelt}.`,
  },
  mountMissing: {
    status: 404,
    says: /no handler for route/,
    code: "KEY_NOT_FOUND",
    message: "Nothing is mounted at mount_path.",
    nextStep: "Check mount_path and namespace; enable the transit engine as the set-up material shows.",
  },
  namespaceMissing: {
    status: 404,
    says: /namespace not found/,
    code: "KEY_NOT_FOUND",
    message: "OpenBao has no such namespace, and so no such key.",
    nextStep: "Check namespace.",
  },
  otherEngine: { status: 404, says: /unsupported path/, ...notTransit },
  // A versioned key-value engine answers with warnings only.
  versionedKeyValueEngine: { status: 404, withoutErrors: true, ...notTransit },
  keyUnreadable: { status: 404, code: "KEY_NOT_FOUND", message: "OpenBao has no such key.", nextStep: checkKey },
  otherEngineWithoutOperation: { status: 405, ...notTransit },
  // A key-value engine takes a write at any path, and answers without a body.
  keyValueEngine: { status: 204, ...notTransit },
} as const satisfies Readonly<Record<string, AnswerMeaning>>

/** Name of a row of the error table. */
export type TransitErrorName = keyof typeof transitErrors

/** Which row an answer fits, if any. */
export function transitErrorName(answer: OpenBaoAnswer): TransitErrorName | undefined {
  return rowOf(transitErrors, answer)
}

/**
 * Translates an answer that is no success; one without a row is `BAD_RESPONSE` with OpenBao's words in its cause.
 *
 * @param keyPath - path of the key that was asked for, e.g. `transit/keys/my-key`, for commands in the next step
 */
export function transitError(answer: OpenBaoAnswer, keyPath: string): PluginError {
  const name = transitErrorName(answer)
  return name === undefined ? unexpectedAnswer(answer) : errorOfRow(transitErrors[name], answer, keyPath)
}

/** The first row of a table that an answer fits, if any. */
export function rowOf<Name extends string>(
  table: Readonly<Record<Name, AnswerMeaning>>,
  answer: OpenBaoAnswer,
): Name | undefined {
  const names = Object.keys(table).filter((name): name is Name => name in table)
  return names.find((name) => matches(table[name], answer))
}

/** The error that a row stands for, with OpenBao's words in its cause. */
export function errorOfRow(row: AnswerMeaning, answer: OpenBaoAnswer, keyPath: string): PluginError {
  const { code, message, nextStep } = row
  return pluginError(code, message, nextStep.replace("KEY_PATH", keyPath), { cause: quotedAnswer(answer) })
}

function matches(row: AnswerMeaning, answer: OpenBaoAnswer): boolean {
  if (row.status !== answer.status) return false
  if (row.withoutErrors === true) return answer.errors === undefined
  return row.says === undefined || answer.errors?.some((text) => row.says?.test(text)) === true
}

/** A path that each transit engine has is not there. */
export function notTransitError(answer: OpenBaoAnswer): PluginError {
  return errorOfRow(transitErrors.otherEngine, answer, "")
}

/** OpenBao gave back something else than what was encrypted. */
export function keyMismatch(): PluginError {
  return pluginError(
    "KEY_MISMATCH",
    "OpenBao decrypted to something else than what it had encrypted.",
    "Do not use this keystore; check what answers at vault_address.",
  )
}
