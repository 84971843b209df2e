import type { AccessErrorCode } from "@apeiro-cmk/access"
import type { CredentialStoreErrorCode } from "@apeiro-cmk/credential-store"
import type { HostRuntimeErrorCode } from "@apeiro-cmk/host-runtime"
import type { DatabaseErrorCode } from "@apeiro-cmk/persistence"
import type { CodedError } from "@apeiro-cmk/plugin-interface"

type StartErrorCode =
  | HostRuntimeErrorCode
  | Extract<CredentialStoreErrorCode, `ROOT_KEY_${string}`>
  | Extract<AccessErrorCode, `ADMINISTRATOR_TOKEN_${string}`>
  | "PORT_IN_USE"
  | "LISTEN_FAILED"

type OperatorErrorCode = DatabaseErrorCode | StartErrorCode

const setUp = "The host is not set up correctly."

/**
 * Gives callers these words instead of the message of an error that is about the operator's installation: such a message may name
 * files, hosts and databases. The log has it.
 */
const titles: Readonly<Record<OperatorErrorCode, string>> = {
  DATABASE_IN_USE: "Another process uses the database.",
  DATABASE_FULL: "The disk of the database is full.",
  DATABASE_READ_ONLY: "The database accepts no changes.",
  DATABASE_CORRUPT: "The database is damaged.",
  DATABASE_UNAVAILABLE: "The database does not answer.",
  DATABASE_COMMIT_UNCERTAIN: "The database did not confirm a change, which may or may not be stored.",
  DATABASE_BUSY: "The database does not answer in time.",
  DATABASE_ACCESS_DENIED: "The database refuses the host.",
  DATABASE_FAULT: "The database rejected a statement.",
  DATABASE_URL_INVALID: setUp,
  SCHEMA_NEWER: setUp,
  PROFILE_INVALID: setUp,
  SECRET_REFERENCE_UNRESOLVED: setUp,
  PLUGIN_PACKAGE_NOT_FOUND: setUp,
  PLUGIN_DEPENDENCY_MISSING: setUp,
  PLUGIN_EXPORT_MISSING: setUp,
  PLUGIN_IMPORT_FAILED: setUp,
  PLUGIN_MANIFEST_MISMATCH: setUp,
  PLUGIN_CONTRACT_UNSUPPORTED: setUp,
  PLUGIN_CONFIG_INVALID: setUp,
  PLUGIN_CARDINALITY: setUp,
  PLUGIN_NOT_FOR_PRODUCTION: setUp,
  PLUGIN_ISOLATION_UNSUPPORTED: setUp,
  PLUGIN_START_FAILED: setUp,
  PLUGIN_STOP_FAILED: setUp,
  ROOT_KEY_INVALID: setUp,
  ROOT_KEY_EXPOSED: setUp,
  ADMINISTRATOR_TOKEN_INVALID: setUp,
  ADMINISTRATOR_TOKEN_EXPOSED: setUp,
  PORT_IN_USE: setUp,
  LISTEN_FAILED: setUp,
}

const askOperator = "Ask the operator of the host, with the request id: the host's log has the error."

/** Returns the texts of a problem: those of the error, unless it is about the operator's installation. */
export function textsOf({ code, message, nextStep }: CodedError): {
  readonly title: string
  readonly nextStep: string
} {
  if (!isOperatorError(code)) return { title: message, nextStep }
  const title = titles[code]
  // The next steps of the database are fixed texts, which name nothing.
  return { title, nextStep: title === setUp ? askOperator : nextStep }
}

/** Tells whether an error is about the operator's installation. */
export function isOperatorError(code: string): code is OperatorErrorCode {
  return Object.hasOwn(titles, code)
}
