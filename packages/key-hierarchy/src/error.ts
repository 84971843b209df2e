import { CodedError } from "@apeiro-cmk/plugin-interface"

/**
 * Codes of the errors of the hierarchy itself. Failures of L1 are `PluginError`s and pass through unchanged.
 *
 * - `SERVICE_KEY_NOT_FOUND` - the tenant has no service key of that name.
 * - `SERVICE_KEY_NAME_INVALID` - not a valid name for a service key.
 * - `SERVICE_KEY_UNREADABLE` - the stored service key does not open under its tenant key.
 * - `TENANT_KEY_UNREADABLE` - L1 refuses the stored wrap of the tenant key: the key behind the name of the L1 key is
 *   another one, or the wrap was altered.
 * - `TENANT_KEY_MISSING` - the tenant has no tenant key yet: no keystore has been activated.
 * - `KEY_STATE_FORBIDS` - the state of the key, or of a key above it, does not allow the operation.
 * - `CIPHERTEXT_REJECTED` - the envelope is altered, or belongs to another tenant, key or version; never says which.
 * - `LEASE_ENDED` - no lease of the tenant key held when the answer was due; the data key was destroyed.
 * - `VERIFICATION_RUNNING` - the tenant is being verified already; one verification runs at a time.
 * - `KEY_EXPORT_INVALID` - the key export does not follow docs/envelope.md.
 */
export type KeyHierarchyErrorCode =
  | "SERVICE_KEY_NOT_FOUND"
  | "SERVICE_KEY_NAME_INVALID"
  | "SERVICE_KEY_UNREADABLE"
  | "TENANT_KEY_UNREADABLE"
  | "TENANT_KEY_MISSING"
  | "KEY_STATE_FORBIDS"
  | "CIPHERTEXT_REJECTED"
  | "LEASE_ENDED"
  | "VERIFICATION_RUNNING"
  | "KEY_EXPORT_INVALID"

/** Thrown for what the key hierarchy itself refuses. */
export class KeyHierarchyError extends CodedError<KeyHierarchyErrorCode> {}

/** Makes the one error for every envelope that does not open: the same words whatever the reason. */
export function ciphertextRejected(): KeyHierarchyError {
  return new KeyHierarchyError("CIPHERTEXT_REJECTED", "The envelope was not accepted.", {
    origin: "caller",
    retryable: false,
    nextStep: "Send the envelope exactly as it was issued, for the same tenant and service key.",
  })
}

/**
 * Makes the error for a stored wrap that L1 refuses. The sender of the envelope is not to blame, and the answer of the
 * keystore alone does not tell which of the two causes it is.
 */
export function tenantKeyUnreadable(cause?: unknown): KeyHierarchyError {
  const message =
    "The keystore refuses the stored wrap of the tenant key: the key behind the name of the L1 key is another one, or the stored wrap was altered."
  return new KeyHierarchyError("TENANT_KEY_UNREADABLE", message, {
    origin: "backend",
    retryable: false,
    nextStep:
      "Restore the L1 key, or its backup, at the keystore. Only where it is surely the same key, restore the stored wrap from a backup of the database.",
    ...(cause === undefined ? {} : { cause }),
  })
}
