import { isPluginError, type PluginError, type PluginErrorCode } from "@apeiro-cmk/plugin-interface"
import { pluginError, retryAfterMs } from "@apeiro-cmk/plugin-sdk"
import type { DsmAnswer } from "./messages.ts"

/** The text in which DSM's own client library sees the demand for an approval (crate `sdkms` 0.5.1). */
const approvalWords = "This operation requires approval"

/** Tells whether an answer demands the approval of a quorum. */
export function asksForApproval({ status, words }: DsmAnswer): boolean {
  return status === 403 && words.trim() === approvalWords
}

interface Meaning {
  readonly code: PluginErrorCode
  readonly message: string
  readonly nextStep: string
}

/**
 * Every refusal of DSM with its meaning. DSM refuses with a status and plain text whose wording is not documented:
 * except for a 401, the key's own state tells what a refusal means. Source of statuses: crate `sdkms` 0.5.1.
 */
export const dsmErrors = {
  throttled: {
    code: "THROTTLED",
    message: "The app exceeds DSM's rate limit or its quota.",
    nextStep: "Raise the limit in DSM, or lengthen the tenant's lease.",
  },
  locked: {
    code: "SEALED",
    message: "DSM is locked.",
    nextStep: "Ask the administrator of DSM to unlock it; service then resumes on its own.",
  },
  redirected: {
    code: "UNREACHABLE",
    message: "DSM redirects instead of answering.",
    nextStep: "Set dsm_endpoint to the address that answers directly; the plugin does not follow redirects.",
  },
  failed: {
    code: "UNREACHABLE",
    message: "DSM or a proxy in front of it failed.",
    nextStep: "Check the state of the DSM cluster; service resumes on its own when DSM answers again.",
  },
  notDsm: {
    code: "BAD_RESPONSE",
    message: "The server at dsm_endpoint does not answer like DSM.",
    nextStep: "Check the scheme, host and port of dsm_endpoint: another server or a proxy may answer there.",
  },
  loginRejected: {
    code: "CREDENTIAL_REJECTED",
    message: "DSM does not accept the app's credential.",
    nextStep:
      "Check app_uuid and that the app is enabled; issue a new credential in DSM and store it with the keystore.",
  },
  sessionRejected: {
    code: "CREDENTIAL_REJECTED",
    message: "DSM ended a session that had just begun.",
    nextStep: "Check that the app is enabled, and that any proxy in front of DSM forwards the client certificate.",
  },
  denied: {
    code: "DENIED",
    message: "The app may not perform this operation with the key.",
    nextStep: "Grant the app ENCRYPT and DECRYPT in the key's group: the set-up material lists the permissions.",
  },
  approvalForUse: {
    code: "DENIED",
    message: "The group's quorum has to approve each use of the key.",
    nextStep: "Remove cryptographic operations from the group's quorum policy, or use a key of another group.",
  },
  approvalDenied: {
    code: "DENIED",
    message: "The group's quorum has denied the operation.",
    nextStep: "Ask the group's approvers for the reason; the same call made again requests another approval.",
  },
  groupMissing: {
    code: "KEY_NOT_FOUND",
    message: "The app is not in a group with this name or id, and so cannot see the key.",
    nextStep: "Check group_id, and add the app to the group in DSM.",
  },
  keyMissing: {
    code: "KEY_NOT_FOUND",
    message: "The group has no such key.",
    nextStep: "Check key_name and group_id, or create the key as the set-up material shows.",
  },
  keyDestroyed: {
    code: "KEY_NOT_FOUND",
    message: "The key was destroyed in DSM.",
    nextStep: "Use another key, unless the group's key undo policy can still restore this one.",
  },
  keyDisabled: {
    code: "KEY_DISABLED",
    message: "The key is disabled in DSM.",
    nextStep: "Enable the key in DSM unless it was disabled on purpose; service then resumes within the lease.",
  },
  keyPreActive: {
    code: "KEY_DISABLED",
    message: "The key is not active yet (PreActive).",
    nextStep: "Activate the key in DSM, or wait for its activation date.",
  },
  keyDeactivated: {
    code: "KEY_DISABLED",
    message: "The key is deactivated in DSM.",
    nextStep: "Rotate the key in DSM: a deactivated version can only decrypt.",
  },
  keyCompromised: {
    code: "KEY_DISABLED",
    message: "The key is marked as compromised in DSM.",
    nextStep: "Rotate the key in DSM, and every tenant key that it has wrapped.",
  },
  wrongType: {
    code: "KEY_UNSUITABLE",
    message: "The key is not a 256-bit AES key.",
    nextStep: "Create a 256-bit AES key that is not exportable.",
  },
  exportable: {
    code: "KEY_UNSUITABLE",
    message: "The key is exportable (EXPORT is among its operations): it could leave DSM.",
    nextStep:
      "Create a key without EXPORT; the platform never needs it, although the product's sample lists it (REQ-009).",
  },
  exportPermission: {
    code: "KEY_UNSUITABLE",
    message:
      "The app has the permission EXPORT in the key's group: anybody with its credential could take keys out of DSM.",
    nextStep:
      "Remove EXPORT from the app; the platform never needs it, although the product's sample lists it (REQ-009).",
  },
  operationsMissing: {
    code: "KEY_UNSUITABLE",
    message: "The key's operations do not include both ENCRYPT and DECRYPT.",
    nextStep: "Create a key with ENCRYPT and DECRYPT, as the set-up material shows.",
  },
  modeRefused: {
    code: "KEY_UNSUITABLE",
    message: "DSM refuses the encryption mode for this key.",
    nextStep: "Allow AES-GCM in the group's cryptographic policy, or set wrap_mode to KWP.",
  },
  ciphertextRefused: {
    code: "CIPHERTEXT_REJECTED",
    message: "The ciphertext was altered, or belongs to another context, version or key.",
    nextStep: "Use the ciphertext with the tenant, key and version for which it was made.",
  },
  mismatch: {
    code: "KEY_MISMATCH",
    message: "DSM decrypted a ciphertext to other bytes than it had encrypted.",
    nextStep: "Do not use this keystore; check which server answers at dsm_endpoint.",
  },
} as const satisfies Readonly<Record<string, Meaning>>

/** Tells whether an error has one of these codes. */
export function hasCode(error: unknown, ...codes: readonly PluginErrorCode[]): boolean {
  return isPluginError(error) && codes.includes(error.code)
}

/** Makes the error of one row. @param answer - quoted as the cause, redacted */
export function dsmError(name: keyof typeof dsmErrors, answer?: DsmAnswer): PluginError {
  const { code, message, nextStep } = dsmErrors[name]
  return pluginError(code, message, nextStep, answer === undefined ? {} : { cause: quoted(answer) })
}

/** Makes the error for an answer without a row: its meaning is never guessed. */
export function unexpectedAnswer(answer: DsmAnswer): PluginError {
  const message = `DSM gave an unexpected answer (HTTP ${answer.status}).`
  return pluginError("BAD_RESPONSE", message, "Check the version of DSM; the cause quotes its answer.", {
    cause: quoted(answer),
  })
}

/** Makes the error for a change that a quorum has to approve. */
export function approvalPending(requestId: string): PluginError {
  return pluginError(
    "APPROVAL_PENDING",
    `The group's quorum has to approve the operation (approval request ${requestId}).`,
    "Have the request approved in DSM, then make the same call again.",
  )
}

/** Returns the error for a status that means the same for every request; `undefined` for any other. */
export function statusError(status: number, headers: Readonly<Record<string, string>>): PluginError | undefined {
  if (status === 429) {
    const { code, message, nextStep } = dsmErrors.throttled
    const waitMs = retryAfterMs(headers)
    return pluginError(code, message, nextStep, waitMs === undefined ? {} : { retryAfterMs: waitMs })
  }
  if (status === 423) return dsmError("locked")
  if (status >= 300 && status < 400) return byKeystore("redirected", status)
  return status >= 500 ? byKeystore("failed", status) : undefined
}

function byKeystore(name: "redirected" | "failed", status: number): PluginError {
  const { code, message, nextStep } = dsmErrors[name]
  return pluginError(code, message, nextStep, { origin: "backend", cause: new Error(`HTTP ${status}`) })
}

const longestQuote = 200

/** Quotes the server's text without anything that could be a secret: a hostile server may echo its request. */
function quoted({ status, words }: DsmAnswer): Error {
  const plain = words
    .replace(/[^\P{C}]+/gu, " ")
    .replace(/[A-Za-z0-9+/=_.~,-]{16,}/g, "...")
    .slice(0, longestQuote)
  return new Error(plain === "" ? `DSM answered ${status}` : `DSM answered ${status}: ${plain}`)
}
