import { isCodedError } from "@apeiro-cmk/plugin-interface"
import { persistenceError } from "../errors.ts"

const longestFailure = 500

/** Checks the name of a job. @throws {PersistenceError} DATABASE_FAULT - malformed */
export function assertJobName(name: string): void {
  if (!/^[a-z][a-z0-9-]{0,49}$/.test(name)) throw persistenceError("DATABASE_FAULT", "Not a valid name of a job.")
}

/** Checks the key of a job. @throws {PersistenceError} DATABASE_FAULT - empty or too long */
export function assertJobKey(key: string): void {
  if (key === "" || key.length > 200) throw persistenceError("DATABASE_FAULT", "Not a valid key of a job.")
}

/** Reduces a handler's error to text that may be stored: our own errors contain no secret, others may. */
export function failureText(error: unknown): string {
  if (isCodedError(error)) return `${error.code}: ${error.message}`.slice(0, longestFailure)
  return error instanceof Error ? error.name : typeof error
}
