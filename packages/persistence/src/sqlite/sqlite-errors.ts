import { type PersistenceError, type PersistenceErrorCode, persistenceError } from "../errors.ts"
import type { SqliteFailure } from "./protocol.ts"

interface Meaning {
  readonly code: PersistenceErrorCode
  readonly message: (path: string) => string
}

const constraint = (code: PersistenceErrorCode, what: string): Meaning => ({ code, message: () => what })

/** Extended result codes whose meaning differs from their primary code. Source: https://sqlite.org/rescode.html */
const extendedCodes: Readonly<Record<number, Meaning>> = {
  787: constraint("NOT_FOUND", "The record that this one belongs to does not exist."), // SQLITE_CONSTRAINT_FOREIGNKEY
  1555: constraint("ALREADY_EXISTS", "This record already exists."), // SQLITE_CONSTRAINT_PRIMARYKEY
  2067: constraint("ALREADY_EXISTS", "This record already exists."), // SQLITE_CONSTRAINT_UNIQUE
}

/** Primary result codes: the low eight bits of each code. Source: https://sqlite.org/rescode.html */
const primaryCodes: Readonly<Record<number, Meaning>> = {
  3: { code: "DATABASE_READ_ONLY", message: (path) => `The permissions of ${path} do not allow its use.` }, // PERM
  5: { code: "DATABASE_IN_USE", message: (path) => `Another host is using the database ${path}.` }, // BUSY
  6: { code: "DATABASE_IN_USE", message: (path) => `Another host is using the database ${path}.` }, // LOCKED
  7: { code: "DATABASE_UNAVAILABLE", message: () => "The database has no memory left." }, // NOMEM
  8: { code: "DATABASE_READ_ONLY", message: (path) => `The database ${path} or its folder cannot be written.` }, // READONLY
  10: { code: "DATABASE_UNAVAILABLE", message: (path) => `Reading or writing ${path} failed.` }, // IOERR
  11: { code: "DATABASE_CORRUPT", message: (path) => `The database ${path} is damaged.` }, // CORRUPT
  13: { code: "DATABASE_FULL", message: (path) => `The disk of the database ${path} is full.` }, // FULL
  14: { code: "DATABASE_UNAVAILABLE", message: (path) => `The database ${path} cannot be opened.` }, // CANTOPEN
  26: { code: "DATABASE_CORRUPT", message: (path) => `The file ${path} is not a database.` }, // NOTADB
}

const fault: Meaning = { code: "DATABASE_FAULT", message: (path) => `The database ${path} rejected a statement.` }

/** Translates a failure of the writer thread; a code without a row in the tables is a bug in this program. */
export function sqliteError(failure: SqliteFailure, path: string): PersistenceError {
  const resultCode = failure.resultCode ?? 0
  const meaning = extendedCodes[resultCode] ?? primaryCodes[resultCode & 0xff] ?? fault
  const detail = failure.resultCode === undefined ? (failure.code ?? "no code") : `SQLite result ${resultCode}`
  return persistenceError(meaning.code, meaning.message(path), new Error(`${failure.message} (${detail})`))
}
