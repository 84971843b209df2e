import { type ExitCode, exitCodes } from "./exit-codes.ts"

/** An error that ends the command: one sentence, a next step, and the exit code. */
export class CliError extends Error {
  readonly exitCode: ExitCode
  readonly nextStep: string
  /** Details for `--json`, e.g. the problem document of the host. */
  readonly details: unknown

  constructor(exitCode: ExitCode, message: string, nextStep: string, details?: unknown) {
    super(message)
    this.name = "CliError"
    this.exitCode = exitCode
    this.nextStep = nextStep
    this.details = details
  }
}

const exitCodeByStatus: Readonly<Record<number, ExitCode>> = {
  400: exitCodes.usage,
  401: exitCodes.refused,
  403: exitCodes.refused,
  404: exitCodes.notFound,
  409: exitCodes.conflict,
  412: exitCodes.conflict,
  413: exitCodes.usage,
  415: exitCodes.usage,
  428: exitCodes.conflict,
  501: exitCodes.usage,
}

/** Chooses the exit code for an answer of the host: by the fault's origin, then by status. */
export function exitCodeOf(status: number, origin: string | undefined, code: string | undefined): ExitCode {
  if (code === "CIPHERTEXT_REJECTED" || code === "KEY_MISMATCH") return exitCodes.notProved
  // Whatever its origin, the way to the keystore failed: perhaps a credential file is missing.
  if (code === "CONNECTION_TEST_FAILED") return exitCodes.keystore
  // The origin of a keystore's fault is `backend`; hosts of an earlier version say `keystore`.
  if (origin === "backend" || origin === "keystore" || origin === "network") return exitCodes.keystore
  return exitCodeByStatus[status] ?? (origin === "caller" ? exitCodes.usage : exitCodes.failure)
}
