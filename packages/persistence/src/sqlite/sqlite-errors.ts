import { type PersistenceError, type PersistenceErrorCode, persistenceError } from "../errors.ts"
import { type SqliteFailure, transactionUndone } from "./protocol.ts"

type Meaning = readonly [code: PersistenceErrorCode, message: string]

/** Extended result codes whose meaning differs from their primary code. Source: https://sqlite.org/rescode.html */
const extendedCodes: Readonly<Record<number, Meaning>> = {
  787: ["NOT_FOUND", "The record that this one belongs to does not exist."], // SQLITE_CONSTRAINT_FOREIGNKEY
  1555: ["ALREADY_EXISTS", "This record already exists."], // SQLITE_CONSTRAINT_PRIMARYKEY
  2067: ["ALREADY_EXISTS", "This record already exists."], // SQLITE_CONSTRAINT_UNIQUE
}

/** Primary result codes: the low eight bits of each code. Source: https://sqlite.org/rescode.html */
const primaryCodes: Readonly<Record<number, Meaning>> = {
  3: ["DATABASE_READ_ONLY", "The permissions of the database do not allow its use."], // PERM
  5: ["DATABASE_IN_USE", "Another host is using the database."], // BUSY
  6: ["DATABASE_IN_USE", "Another host is using the database."], // LOCKED
  7: ["DATABASE_UNAVAILABLE", "The database has no memory left."], // NOMEM
  8: ["DATABASE_READ_ONLY", "The database or its folder cannot be written."], // READONLY
  10: ["DATABASE_UNAVAILABLE", "Reading or writing the database failed."], // IOERR
  11: ["DATABASE_CORRUPT", "The database is damaged."], // CORRUPT
  13: ["DATABASE_FULL", "The disk of the database is full."], // FULL
  14: ["DATABASE_UNAVAILABLE", "The database cannot be opened."], // CANTOPEN
  26: ["DATABASE_CORRUPT", "The file is not a database."], // NOTADB
}

/** Tells whether the file system failed. */
export function isIoError({ resultCode = 0 }: SqliteFailure): boolean {
  return (resultCode & 0xff) === 10
}

const undone: Meaning = ["DATABASE_UNAVAILABLE", "The database has undone the transaction."]
const fault: Meaning = ["DATABASE_FAULT", "The database rejected a statement."]

/**
 * Translates a failure of the writer thread; a code without a row in the tables is a bug in this program. Callers of the
 * API may read the result, so it does not reveal where the file is.
 */
export function sqliteError(failure: SqliteFailure): PersistenceError {
  const resultCode = failure.resultCode ?? 0
  const other = failure.code === transactionUndone ? undone : fault
  const [code, message] = extendedCodes[resultCode] ?? primaryCodes[resultCode & 0xff] ?? other
  const detail = failure.resultCode === undefined ? (failure.code ?? "no code") : `SQLite result ${resultCode}`
  return persistenceError(code, message, new Error(`${failure.message} (${detail})`))
}
