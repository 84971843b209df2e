import { isCodedError } from "@apeiro-cmk/plugin-interface"
import { persistenceError } from "../errors.ts"

const longestFailure = 500

/** @throws {PersistenceError} DATABASE_FAULT */
export function assertJobName(name: string): void {
  if (!/^[a-z][a-z0-9-]{0,49}$/.test(name)) throw persistenceError("DATABASE_FAULT", "This is no name of a job.")
}

/** @throws {PersistenceError} DATABASE_FAULT */
export function assertJobKey(key: string): void {
  if (key === "" || key.length > 200) throw persistenceError("DATABASE_FAULT", "This is no key of a job.")
}

/** What is stored of a handler's error: our own errors carry no secret, others may. */
export function failureText(error: unknown): string {
  if (isCodedError(error)) return `${error.code}: ${error.message}`.slice(0, longestFailure)
  return error instanceof Error ? error.name : typeof error
}
