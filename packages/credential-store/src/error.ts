import { CodedError } from "@apeiro-cmk/plugin-interface"

/**
 * Codes of {@link CredentialStoreError}.
 *
 * - `ROOT_KEY_INVALID` - the root key file is not a regular file of 32 bytes, or cannot be read or created.
 * - `ROOT_KEY_EXPOSED` - users other than its owner may access the root key file, or it is a symbolic link.
 * - `CREDENTIAL_NOT_FOUND` - there is no such credential, or no such version of it.
 * - `CREDENTIAL_UNREADABLE` - it does not open: altered, swapped with another, or sealed under another root key.
 */
export type CredentialStoreErrorCode =
  | "ROOT_KEY_INVALID"
  | "ROOT_KEY_EXPOSED"
  | "CREDENTIAL_NOT_FOUND"
  | "CREDENTIAL_UNREADABLE"

/** The only error that this package throws on purpose. */
export class CredentialStoreError extends CodedError<CredentialStoreErrorCode> {}

/** Makes the error for a root key file that cannot be used. */
export function rootKeyInvalid(message: string, cause?: unknown): CredentialStoreError {
  return new CredentialStoreError("ROOT_KEY_INVALID", message, {
    origin: "host",
    retryable: false,
    nextStep: "Restore the root key file from its backup; a new one cannot open the stored credentials.",
    ...(cause === undefined ? {} : { cause }),
  })
}

/** Makes the error for a root key file that others may use. */
export function rootKeyExposed(message: string): CredentialStoreError {
  return new CredentialStoreError("ROOT_KEY_EXPOSED", message, {
    origin: "host",
    retryable: false,
    nextStep:
      "Make it a regular file of the host's own user with mode 0600, and treat the stored credentials as compromised.",
  })
}

/** Makes the error for a credential that is not stored. */
export function credentialNotFound(): CredentialStoreError {
  return new CredentialStoreError("CREDENTIAL_NOT_FOUND", "There is no such credential.", {
    origin: "host",
    retryable: false,
    nextStep: "Enter the keystore's credential again.",
  })
}

/** Makes the one error for every credential that does not open. */
export function credentialUnreadable(): CredentialStoreError {
  return new CredentialStoreError("CREDENTIAL_UNREADABLE", "The stored credential does not open.", {
    origin: "host",
    retryable: false,
    nextStep:
      "Check that the root key is the one under which it was stored; otherwise enter the keystore's credential again.",
  })
}
