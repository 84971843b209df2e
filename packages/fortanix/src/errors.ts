import { isPluginError, type PluginError, type PluginErrorCode } from "@apeiro-cmk/plugin-interface"
import { pluginError, retryAfterMs } from "@apeiro-cmk/plugin-sdk"
import type { DsmAnswer } from "./wire.ts"

/** What DSM's own client library takes for "ask for an approval" (crate `sdkms` 0.5.1). */
const approvalWords = "This operation requires approval"

/** Tells whether an answer asks for the approval of a quorum. */
export function asksForApproval({ status, words }: DsmAnswer): boolean {
  return status === 403 && words.trim() === approvalWords
}

interface Meaning {
  readonly code: PluginErrorCode
  readonly message: string
  readonly nextStep: string
}

/**
 * Every refusal of DSM, and what it means here. DSM refuses with a status and plain text whose wording is not documented:
 * but for a 401, what a refusal means is found by looking at the key. Source of statuses: crate `sdkms` 0.5.1.
 */
export const dsmErrors = {
  throttled: {
    code: "THROTTLED",
    message: "DSM's rate limit, or the app's quota, is exceeded.",
    nextStep: "Raise the limit in DSM, or lengthen the tenant's lease.",
  },
  locked: {
    code: "SEALED",
    message: "DSM says that it is locked.",
    nextStep: "Ask the administrator of DSM to unlock it; service resumes by itself.",
  },
  redirected: {
    code: "UNREACHABLE",
    message: "DSM redirects instead of answering.",
    nextStep: "Set dsm_endpoint to the address that answers itself; redirects are not followed.",
  },
  failed: {
    code: "UNREACHABLE",
    message: "DSM or a proxy in front of it failed.",
    nextStep: "Look at the state of the DSM cluster; service resumes by itself when it answers again.",
  },
  notDsm: {
    code: "BAD_RESPONSE",
    message: "What is at dsm_endpoint does not answer like DSM.",
    nextStep: "Check dsm_endpoint, with its scheme and port: another server or a proxy answers there.",
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
    nextStep: "Check that the app is enabled, and that a proxy in front of DSM passes its client certificate on.",
  },
  denied: {
    code: "DENIED",
    message: "The app may not do this with the key.",
    nextStep: "Grant the app ENCRYPT and DECRYPT in the key's group: the set-up material has the permissions.",
  },
  approvalForUse: {
    code: "DENIED",
    message: "The group's quorum has to approve each use of the key.",
    nextStep: "Take cryptographic operations out of the group's quorum policy, or use a key of another group.",
  },
  approvalDenied: {
    code: "DENIED",
    message: "The group's quorum has denied the operation.",
    nextStep: "Ask the group's approvers; making the call again asks for another approval.",
  },
  groupMissing: {
    code: "KEY_NOT_FOUND",
    message: "The app is in no group of this name or id, and so sees no such key.",
    nextStep: "Check group_id, and add the app to the group in DSM.",
  },
  keyMissing: {
    code: "KEY_NOT_FOUND",
    message: "The group has no such key.",
    nextStep: "Check key_name and group_id; create the key as the set-up material shows.",
  },
  keyDestroyed: {
    code: "KEY_NOT_FOUND",
    message: "The key was destroyed in DSM.",
    nextStep: "Nothing brings its material back, unless the group's key undo policy still does.",
  },
  keyDisabled: {
    code: "KEY_DISABLED",
    message: "The key is disabled in DSM.",
    nextStep: "Enable the key in DSM if that was not on purpose; service resumes within the lease.",
  },
  keyPreActive: {
    code: "KEY_DISABLED",
    message: "The key is not active yet (PreActive).",
    nextStep: "Activate the key in DSM, or wait for its activation date.",
  },
  keyDeactivated: {
    code: "KEY_DISABLED",
    message: "The key is deactivated in DSM.",
    nextStep: "Rotate the key in DSM: a deactivated version only decrypts.",
  },
  keyCompromised: {
    code: "KEY_DISABLED",
    message: "The key is marked as compromised in DSM.",
    nextStep: "Rotate the key in DSM, and every tenant key that it wrapped.",
  },
  wrongType: {
    code: "KEY_UNSUITABLE",
    message: "The key is no AES key of 256 bits.",
    nextStep: "Create an AES key of 256 bits that is not exportable.",
  },
  exportable: {
    code: "KEY_UNSUITABLE",
    message: "The key may be exported (EXPORT is among its operations): it could leave DSM.",
    nextStep:
      "Create a key without EXPORT; the platform never needs it, though the product's sample lists it (REQ-009).",
  },
  exportPermission: {
    code: "KEY_UNSUITABLE",
    message:
      "The app has the permission EXPORT in the key's group: whoever has its credential could take keys out of DSM.",
    nextStep: "Take EXPORT from the app; the platform never needs it, though the product's sample lists it (REQ-009).",
  },
  operationsMissing: {
    code: "KEY_UNSUITABLE",
    message: "ENCRYPT and DECRYPT are not both among the key's operations.",
    nextStep: "Create a key with ENCRYPT and DECRYPT, as the set-up material shows.",
  },
  modeRefused: {
    code: "KEY_UNSUITABLE",
    message: "DSM refuses the mode of encryption for this key.",
    nextStep: "Allow AES-GCM in the cryptographic policy of the group, or set wrap_mode to KWP.",
  },
  ciphertextRefused: {
    code: "CIPHERTEXT_REJECTED",
    message: "The ciphertext is altered, or of another context, version or key.",
    nextStep: "Use the ciphertext with the tenant, key and version that it was made for.",
  },
  mismatch: {
    code: "KEY_MISMATCH",
    message: "DSM decrypted to something else than what it had encrypted.",
    nextStep: "Do not use this keystore; check what answers at dsm_endpoint.",
  },
} as const satisfies Readonly<Record<string, Meaning>>

/** Tells whether an error has one of these codes. */
export function hasCode(error: unknown, ...codes: readonly PluginErrorCode[]): boolean {
  return isPluginError(error) && codes.includes(error.code)
}

/** Makes the error of a row. @param answer - quoted as the cause, redacted */
export function dsmError(name: keyof typeof dsmErrors, answer?: DsmAnswer): PluginError {
  const { code, message, nextStep } = dsmErrors[name]
  return pluginError(code, message, nextStep, answer === undefined ? {} : { cause: quoted(answer) })
}

/** The answer has no meaning here: never guessed at. */
export function unexpectedAnswer(answer: DsmAnswer): PluginError {
  const message = `DSM gave an answer that is not understood (HTTP ${answer.status}).`
  return pluginError("BAD_RESPONSE", message, "Check the version of DSM; the cause has its words.", {
    cause: quoted(answer),
  })
}

/** The operation waits for others. */
export function approvalPending(requestId: string): PluginError {
  return pluginError(
    "APPROVAL_PENDING",
    `The group's quorum has to approve the operation: approval request ${requestId}.`,
    "Have the request approved in DSM, then make the same call again.",
  )
}

/** Meanings of a status that hold for every request, whatever it asked. */
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

/** The text is the server's, and a hostile one may send back what it was sent: what could be a secret is cut out. */
function quoted({ status, words }: DsmAnswer): Error {
  const plain = words
    .replace(/[^\P{C}]+/gu, " ")
    .replace(/[A-Za-z0-9+/=_.~,-]{16,}/g, "...")
    .slice(0, longestQuote)
  return new Error(plain === "" ? `DSM answered ${status}` : `DSM answered ${status}: ${plain}`)
}
