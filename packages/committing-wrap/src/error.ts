import { CodedError } from "@apeiro-cmk/plugin-interface"

/**
 * - `CIPHERTEXT_REJECTED` - the bytes do not open: altered, or made under another parent, label or header.
 */
export type WrapErrorCode = "CIPHERTEXT_REJECTED"

/** Thrown for a wrap that does not open. Whoever stores or receives the wrap says what that means there. */
export class WrapError extends CodedError<WrapErrorCode> {}

/** Makes the one error for every wrap that does not open: the same words whatever the reason. */
export function wrapRejected(): WrapError {
  return new WrapError("CIPHERTEXT_REJECTED", "The wrap does not open.", {
    origin: "caller",
    retryable: false,
    nextStep: "Use the wrap exactly as it was made, with the same parent key.",
  })
}
