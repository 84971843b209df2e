import { CodedError } from "@apeiro-cmk/plugin-interface"

/**
 * - `ROOT_KEY_INVALID` - the root key file is no regular file of 32 bytes.
 * - `ROOT_KEY_EXPOSED` - others than its owner may read or change the root key file, or a link stands in its place.
 * - `CREDENTIAL_NOT_FOUND` - there is no such credential, or no such version of it.
 * - `CREDENTIAL_UNREADABLE` - it does not open: altered, exchanged with another, or sealed under another root key.
 */
export type CredentialStoreErrorCode =
  | "ROOT_KEY_INVALID"
  | "ROOT_KEY_EXPOSED"
  | "CREDENTIAL_NOT_FOUND"
  | "CREDENTIAL_UNREADABLE"

/** What this package throws, and nothing else. */
export class CredentialStoreError extends CodedError<CredentialStoreErrorCode> {}

export function rootKeyInvalid(message: string, cause?: unknown): CredentialStoreError {
  return new CredentialStoreError("ROOT_KEY_INVALID", message, {
    origin: "host",
    retryable: false,
    nextStep: "Restore the root key file from its backup; a new one cannot open the credentials that are stored.",
    ...(cause === undefined ? {} : { cause }),
  })
}

export function rootKeyExposed(message: string): CredentialStoreError {
  return new CredentialStoreError("ROOT_KEY_EXPOSED", message, {
    origin: "host",
    retryable: false,
    nextStep:
      "Make it a regular file of the host's own user with mode 0600, and consider the stored credentials known.",
  })
}

export function credentialNotFound(): CredentialStoreError {
  return new CredentialStoreError("CREDENTIAL_NOT_FOUND", "There is no such credential.", {
    origin: "host",
    retryable: false,
    nextStep: "Enter the keystore's credential again.",
  })
}

export function credentialUnreadable(): CredentialStoreError {
  return new CredentialStoreError("CREDENTIAL_UNREADABLE", "The stored credential does not open.", {
    origin: "host",
    retryable: false,
    nextStep:
      "Check that the root key is the one it was stored under; otherwise enter the keystore's credential again.",
  })
}
