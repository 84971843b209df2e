import pg from "pg"
import { TransactionConflict } from "../conflicts.ts"
import { isPersistenceError, type PersistenceErrorCode, persistenceError } from "../errors.ts"

type Meaning = readonly [code: PersistenceErrorCode, message: string, nextStep?: string]

const grant = "Grant the role of persistence.url its privileges (docs/guides/run-on-postgresql.md)."
const isDown =
  "Check that the server runs and can be reached. A running host continues on its own once it answers; start it again if it has ended."
const makeDatabase = "Create the database (docs/guides/run-on-postgresql.md), or correct persistence.url."
const signIn = "Check the user of persistence.url, persistence.password, and the server's pg_hba.conf."

/**
 * Meanings of the codes that a server reports. Source: https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
const states: Readonly<Record<string, Meaning>> = {
  "23503": ["NOT_FOUND", "The record that this one belongs to does not exist."],
  "23505": ["ALREADY_EXISTS", "This record already exists."],
  "25006": ["DATABASE_READ_ONLY", "The database server accepts no changes: it is a standby, or set to read-only."],
  "25P03": ["DATABASE_BUSY", "The database server ended a transaction that was idle for too long."],
  "28000": ["DATABASE_ACCESS_DENIED", "The database server refuses this user.", signIn],
  "28P01": ["DATABASE_ACCESS_DENIED", "The database server refuses the password.", signIn],
  "3D000": ["DATABASE_UNAVAILABLE", "The database server has no such database.", makeDatabase],
  "42501": ["DATABASE_ACCESS_DENIED", "The database role lacks a privilege.", grant],
  "53100": ["DATABASE_FULL", "The disk of the database server is full."],
  "53300": ["DATABASE_BUSY", "The database server has no connection left."],
  "55P03": ["DATABASE_BUSY", "A record stayed locked for too long."],
  "57014": ["DATABASE_BUSY", "A statement took too long and was cancelled."],
}

/** Meanings of classes of codes: their first two characters. */
const classes: Readonly<Record<string, Meaning>> = {
  "08": ["DATABASE_UNAVAILABLE", "The connection to the database server broke.", isDown],
  "28": ["DATABASE_ACCESS_DENIED", "The database server refuses this user.", signIn],
  "53": ["DATABASE_UNAVAILABLE", "The database server lacks memory or another resource.", isDown],
  "57": ["DATABASE_UNAVAILABLE", "The database server is shutting down or starting up.", isDown],
  "58": ["DATABASE_UNAVAILABLE", "The database server cannot read or write its files.", isDown],
  XX: ["DATABASE_CORRUPT", "The database server reports that its data is damaged."],
}

const fault: Meaning = ["DATABASE_FAULT", "The database server rejected a statement."]

/** Serialization failure and deadlock: the server undid the transaction, which can run again. */
const conflicts: readonly string[] = ["40001", "40P01"]

/** A statement that its time limit or an administrator ended; nothing of it is stored. */
const cancelled = "57014"

/** Messages of the pool when every connection is in use, and of the driver when the server falls silent. */
const exhausted = "timeout exceeded when trying to connect"
const silent = "Query read timeout"

/**
 * Translates an error of pg. A server's message can quote a stored value, so only codes and names of the schema are
 * kept. Callers of the API may read the result, so it does not reveal where the server is.
 */
export function postgresError(error: unknown): Error {
  if (isPersistenceError(error) || error instanceof TransactionConflict) return error
  if (error instanceof pg.DatabaseError) return serverError(error)
  if (error instanceof Error && error.message === exhausted) {
    return persistenceError("DATABASE_BUSY", "All connections to the database server are in use.")
  }
  if (error instanceof Error && error.message === silent) {
    return persistenceError("DATABASE_UNAVAILABLE", "The database server does not answer.", undefined, isDown)
  }
  const code = error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined
  const cause = new Error(code ?? "the connection ended")
  if (isTlsFault(error, code)) {
    const message = `The database server could not prove its identity (${code ?? "no TLS"}).`
    const nextStep = "Check sslrootcert of persistence.url, and that the server's certificate names its host."
    return persistenceError("DATABASE_UNAVAILABLE", message, cause, nextStep)
  }
  return persistenceError("DATABASE_UNAVAILABLE", "The database server cannot be reached.", cause, isDown)
}

/** Classes of codes after which the server may have stored a change that it did not confirm. */
const unconfirmed: readonly string[] = ["08", "57", "58", "XX"]

/** Tells whether a change may be stored although its statement failed: the server fell silent, or was ending. */
export function leavesCommitUncertain(error: unknown): boolean {
  if (!(error instanceof pg.DatabaseError)) return true
  return error.code !== cancelled && unconfirmed.includes((error.code ?? "").slice(0, 2))
}

function serverError(error: pg.DatabaseError): Error {
  const state = error.code ?? ""
  if (conflicts.includes(state)) return new TransactionConflict(`SQLSTATE ${state}`)
  const [code, message, nextStep] = states[state] ?? classes[state.slice(0, 2)] ?? fault
  const named = [error.constraint, error.table, error.routine].filter((each) => each !== undefined).join(", ")
  const cause = new Error(`SQLSTATE ${state}${named === "" ? "" : ` (${named})`}`)
  return persistenceError(code, message, cause, nextStep)
}

/**
 * Recognises Node's codes for a certificate that is not accepted, and the driver's message for a server without TLS.
 */
function isTlsFault(error: unknown, code: string | undefined): boolean {
  if (error instanceof Error && error.message === "The server does not support SSL connections") return true
  return code !== undefined && /CERT|ISSUER|TLS|SSL|VERIFY/.test(code)
}
