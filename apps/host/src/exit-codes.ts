import type { CodedError } from "@apeiro-cmk/plugin-interface"

/** Exit codes of `apeiro-cmk-host`. They mean the same as those of the command line `apeiro-cmk`. */
export const exitCodes = {
  success: 0,
  /** A fault of the host or of a plugin. */
  failure: 1,
  /** Wrong options or a wrong profile. */
  usage: 2,
  /** A keystore, or the way to it, failed. */
  keystore: 7,
  /** The envelope of the demonstration did not open. */
  notProved: 8,
} as const

/** Chooses the exit code for an error: by a few codes, then by the fault's origin. */
export function exitCodeOf({ code, origin }: Pick<CodedError, "code" | "origin">): number {
  if (code === "CIPHERTEXT_REJECTED" || code === "KEY_MISMATCH") return exitCodes.notProved
  if (code === "CONNECTION_TEST_FAILED") return exitCodes.keystore
  switch (origin) {
    case "caller":
      return exitCodes.usage
    case "host":
    case "plugin":
      return exitCodes.failure
    default:
      return exitCodes.keystore
  }
}
