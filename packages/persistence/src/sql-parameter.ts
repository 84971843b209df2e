import { persistenceError } from "./errors.ts"

/** A value that can be bound to a statement. Booleans are stored as integers, bytes as base64url text. */
export type SqlParameter = string | number | bigint | null | Uint8Array

/**
 * Checks that a value can be stored: numbers are whole and exact in every column.
 * @throws {PersistenceError} DATABASE_FAULT - a fraction, a rounded number, or another type
 */
export function sqlParameter(value: unknown): SqlParameter {
  if (typeof value === "string" || typeof value === "bigint" || value === null) return value
  if (typeof value === "number" && Number.isSafeInteger(value)) return value
  if (value instanceof Uint8Array) return value
  const what = typeof value === "number" ? "number that is not a safe integer" : typeof value
  throw persistenceError("DATABASE_FAULT", `A value of type ${what} cannot be stored.`)
}
