import { CodedError } from "@apeiro-cmk/plugin-interface"

/**
 * What the hierarchy itself refuses. Failures of L1 are `PluginError`s and pass through unchanged.
 *
 * - `SERVICE_KEY_NOT_FOUND` - the tenant has no service key of that name.
 * - `SERVICE_KEY_NAME_INVALID` - a name that cannot be given to a service key.
 * - `SERVICE_KEY_UNREADABLE` - the stored service key does not open under its tenant key.
 * - `TENANT_KEY_UNREADABLE` - L1 refuses the stored wrap of the tenant key: the wrap was altered, or is another key's.
 * - `TENANT_KEY_MISSING` - the tenant has no tenant key yet: no keystore was activated.
 * - `KEY_STATE_FORBIDS` - the state of the key, or of a key above it, does not allow the operation.
 * - `CIPHERTEXT_REJECTED` - an envelope that is altered, or another tenant's, key's or version's; never says which.
 * - `KEY_EXPORT_INVALID` - a key export that does not follow docs/envelope.md.
 */
export type KeyHierarchyErrorCode =
  | "SERVICE_KEY_NOT_FOUND"
  | "SERVICE_KEY_NAME_INVALID"
  | "SERVICE_KEY_UNREADABLE"
  | "TENANT_KEY_UNREADABLE"
  | "TENANT_KEY_MISSING"
  | "KEY_STATE_FORBIDS"
  | "CIPHERTEXT_REJECTED"
  | "KEY_EXPORT_INVALID"

/** The key hierarchy's own error. */
export class KeyHierarchyError extends CodedError<KeyHierarchyErrorCode> {}

/** The one error for every envelope that does not open: the same words whatever the reason. */
export function ciphertextRejected(): KeyHierarchyError {
  return new KeyHierarchyError("CIPHERTEXT_REJECTED", "The envelope was not accepted.", {
    origin: "caller",
    retryable: false,
    nextStep: "Send the envelope exactly as it was issued, for the same tenant and service key.",
  })
}

/** L1 does not open a wrap that the host itself keeps: nobody who sent an envelope is to blame. */
export function tenantKeyUnreadable(cause: unknown): KeyHierarchyError {
  return new KeyHierarchyError("TENANT_KEY_UNREADABLE", "The keystore refuses the stored wrap of the tenant key.", {
    origin: "host",
    retryable: false,
    nextStep:
      "Check that the keystore still holds the same L1 key. If it does, the stored wrap was altered: restore the database from a backup.",
    cause,
  })
}
