import pg from "pg"
import { TransactionConflict } from "../conflicts.ts"
import { isPersistenceError, type PersistenceErrorCode, persistenceError } from "../errors.ts"

type Meaning = readonly [code: PersistenceErrorCode, message: string, nextStep?: string]

const grant = "Give the role of persistence.url its rights (docs/guides/run-on-postgresql.md)."
const isDown = "Check that the server runs and can be reached; the host goes on by itself once it answers."
const makeDatabase = "Create the database (docs/guides/run-on-postgresql.md), or correct persistence.url."
const signIn = "Check the user of persistence.url, persistence.password, and the server's pg_hba.conf."

/** What a server reports. Source: https://www.postgresql.org/docs/current/errcodes-appendix.html */
const states: Readonly<Record<string, Meaning>> = {
  "23503": ["NOT_FOUND", "What this belongs to does not exist."],
  "23505": ["ALREADY_EXISTS", "This exists already."],
  "25006": ["DATABASE_READ_ONLY", "The database server takes no changes: it is a standby, or set to read only."],
  "25P03": ["DATABASE_BUSY", "The database server ended a transaction in which nothing happened for too long."],
  "28000": ["DATABASE_ACCESS_DENIED", "The database server refuses this user.", signIn],
  "28P01": ["DATABASE_ACCESS_DENIED", "The database server refuses the password.", signIn],
  "3D000": ["DATABASE_UNAVAILABLE", "The database server has no such database.", makeDatabase],
  "42501": ["DATABASE_ACCESS_DENIED", "The database role lacks a right.", grant],
  "53100": ["DATABASE_FULL", "The disk of the database server is full."],
  "53300": ["DATABASE_BUSY", "The database server has no connection left."],
  "55P03": ["DATABASE_BUSY", "A record stayed locked for too long."],
  "57014": ["DATABASE_BUSY", "A statement took too long and was broken off."],
}

/** The same by the class of the code: its first two characters. */
const classes: Readonly<Record<string, Meaning>> = {
  "08": ["DATABASE_UNAVAILABLE", "The connection to the database server broke.", isDown],
  "28": ["DATABASE_ACCESS_DENIED", "The database server refuses this user.", signIn],
  "53": ["DATABASE_UNAVAILABLE", "The database server lacks memory or another resource.", isDown],
  "57": ["DATABASE_UNAVAILABLE", "The database server shuts down or starts up.", isDown],
  "58": ["DATABASE_UNAVAILABLE", "The database server cannot read or write its files.", isDown],
  XX: ["DATABASE_CORRUPT", "The database server reports that its data are damaged."],
}

const fault: Meaning = ["DATABASE_FAULT", "The database server refused a statement."]

/** Serialization failure and deadlock: undone by the server, to be tried again. */
const conflicts: readonly string[] = ["40001", "40P01"]

/** What the pool says when every connection is in use, and what the driver says when the server fell silent. */
const exhausted = "timeout exceeded when trying to connect"
const silent = "Query read timeout"

/**
 * Translates what pg throws. A server's message can quote a stored value: only codes and names of the schema go on.
 * Callers of the API may read it: it does not tell where the server is.
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
    const message = `The database server could not prove who it is (${code ?? "no TLS"}).`
    const nextStep = "Check sslrootcert of persistence.url, and that the server's certificate names its host."
    return persistenceError("DATABASE_UNAVAILABLE", message, cause, nextStep)
  }
  return persistenceError("DATABASE_UNAVAILABLE", "The database server cannot be reached.", cause, isDown)
}

function serverError(error: pg.DatabaseError): Error {
  const state = error.code ?? ""
  if (conflicts.includes(state)) return new TransactionConflict(`SQLSTATE ${state}`)
  const [code, message, nextStep] = states[state] ?? classes[state.slice(0, 2)] ?? fault
  const named = [error.constraint, error.table, error.routine].filter((each) => each !== undefined).join(", ")
  const cause = new Error(`SQLSTATE ${state}${named === "" ? "" : ` (${named})`}`)
  return persistenceError(code, message, cause, nextStep)
}

/** Node's codes for a certificate that is not accepted, and the driver's word for a server without TLS. */
function isTlsFault(error: unknown, code: string | undefined): boolean {
  if (error instanceof Error && error.message === "The server does not support SSL connections") return true
  return code !== undefined && /CERT|ISSUER|TLS|SSL|VERIFY/.test(code)
}
