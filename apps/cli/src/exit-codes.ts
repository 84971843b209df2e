/** Exit codes of `apeiro-cmk`; the README has the same table. */
export const exitCodes = {
  success: 0,
  /** A fault of the host or of this program. */
  failure: 1,
  /** Wrong arguments, a wrong document, or a file that cannot be read or written. */
  usage: 2,
  /** No host answers at the address, or its answer was cut off. */
  unreachable: 3,
  /** The token is missing or unknown, or lacks the permission. */
  refused: 4,
  notFound: 5,
  /** It exists already, or was changed meanwhile. */
  conflict: 6,
  /** The keystore, or the way to it, failed or refused; a failed connection test, whatever its cause. */
  keystore: 7,
  /** A proof failed: an altered log, a wrap that does not open, an envelope that is refused. */
  notProved: 8,
} as const

/** One of {@link exitCodes}. */
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]
