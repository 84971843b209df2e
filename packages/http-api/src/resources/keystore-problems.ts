/** Codes with which a keystore can fail an operation that needs the tenant key. */
export const keystoreProblems = [
  "DENIED",
  "CREDENTIAL_REJECTED",
  "KEY_DISABLED",
  "KEY_PENDING_DELETION",
  "KEY_NOT_FOUND",
  "KEY_UNSUITABLE",
  "KEY_MISMATCH",
  "BAD_RESPONSE",
  "SEALED",
  "UNREACHABLE",
  "THROTTLED",
] as const
