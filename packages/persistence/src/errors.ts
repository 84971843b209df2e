import type { KeyStorageErrorCode } from "@apeiro-cmk/key-hierarchy"
import type { KeystoreStorageErrorCode, PlatformStorageErrorCode } from "@apeiro-cmk/keystore-manager"
import { CodedError, type ErrorFacts, hasMarker } from "@apeiro-cmk/plugin-interface"
import type { TenantStorageErrorCode, TokenStorageErrorCode } from "./ports.ts"

/**
 * Codes of the database itself; any port can fail with them:
 *
 * - `DATABASE_IN_USE` - another process holds the file.
 * - `DATABASE_FULL` - the disk is full, or the file has reached its page limit.
 * - `DATABASE_READ_ONLY` - the file or its folder cannot be written; the server is a standby.
 * - `DATABASE_CORRUPT` - the file is damaged, or is not a database of this program.
 * - `DATABASE_UNAVAILABLE` - no answer: the database is closed, its writer or server is gone, or an I/O error occurred.
 * - `DATABASE_COMMIT_UNCERTAIN` - the writer or server went away while it stored a change, which may or may not be stored.
 * - `DATABASE_BUSY` - no answer in time: no free connection, a lock, a slow statement, or repeated conflicts.
 * - `DATABASE_ACCESS_DENIED` - the server refuses the user, the password or a privilege.
 * - `DATABASE_FAULT` - the database rejected a statement: a bug in this program.
 * - `DATABASE_URL_INVALID` - the URL is not one that this package understands.
 * - `SCHEMA_NEWER` - a newer version of this program made the schema.
 */
export type DatabaseErrorCode =
  | "DATABASE_IN_USE"
  | "DATABASE_FULL"
  | "DATABASE_READ_ONLY"
  | "DATABASE_CORRUPT"
  | "DATABASE_UNAVAILABLE"
  | "DATABASE_COMMIT_UNCERTAIN"
  | "DATABASE_BUSY"
  | "DATABASE_ACCESS_DENIED"
  | "DATABASE_FAULT"
  | "DATABASE_URL_INVALID"
  | "SCHEMA_NEWER"

/** Every code that this package throws: those of the database, and those that are declared next to each port. */
export type PersistenceErrorCode =
  | DatabaseErrorCode
  | "QUOTA_EXCEEDED"
  | "IDEMPOTENCY_KEYS_EXHAUSTED"
  | TenantStorageErrorCode
  | TokenStorageErrorCode
  | KeyStorageErrorCode
  | KeystoreStorageErrorCode
  | PlatformStorageErrorCode

const persistenceErrorMarker = Symbol.for("@apeiro-cmk/persistence-error")

/** The only error that this package throws. Its message and cause never contain a stored value. */
export class PersistenceError extends CodedError<PersistenceErrorCode> {
  constructor(code: PersistenceErrorCode, message: string, facts: ErrorFacts) {
    super(code, message, facts)
    Object.defineProperty(this, persistenceErrorMarker, { value: true })
  }
}

/** Tells whether a value is a {@link PersistenceError}, including one from another installed copy of this package. */
export function isPersistenceError(value: unknown): value is PersistenceError {
  return hasMarker(value, persistenceErrorMarker)
}

type Meaning = Pick<ErrorFacts, "origin" | "retryable" | "nextStep">

const meanings: Readonly<Record<PersistenceErrorCode, Meaning>> = {
  DATABASE_IN_USE: {
    origin: "host",
    retryable: true,
    nextStep: "Stop the other host, or give this host its own database file.",
  },
  DATABASE_FULL: {
    origin: "host",
    retryable: true,
    nextStep: "Free space on the disk of the database; service resumes without a restart.",
  },
  DATABASE_READ_ONLY: {
    origin: "host",
    retryable: false,
    nextStep: "Make the database file and its folder writable for the host's user, or name the primary server.",
  },
  DATABASE_CORRUPT: {
    origin: "host",
    retryable: false,
    nextStep:
      "Check that persistence.url names this program's database, and restore the file from a backup if it does.",
  },
  DATABASE_UNAVAILABLE: {
    origin: "host",
    retryable: true,
    nextStep: "Check the disk of the database, and restart the host if it does not recover.",
  },
  DATABASE_COMMIT_UNCERTAIN: {
    origin: "host",
    retryable: true,
    nextStep: "Look whether the change was stored, and send it again if it was not.",
  },
  DATABASE_BUSY: {
    origin: "host",
    retryable: true,
    nextStep: "Try again; if it persists, look for long transactions and slow disks, or allow more connections.",
  },
  DATABASE_ACCESS_DENIED: {
    origin: "host",
    retryable: false,
    nextStep:
      "Check user, password (persistence.password) and privileges; a corrected password takes effect without a restart.",
  },
  DATABASE_FAULT: {
    origin: "host",
    retryable: false,
    nextStep: "Report this message as a bug in the program.",
  },
  DATABASE_URL_INVALID: {
    origin: "host",
    retryable: false,
    nextStep: "Write persistence.url as sqlite:///absolute/path/host.sqlite or postgres://user@host:port/database.",
  },
  SCHEMA_NEWER: {
    origin: "host",
    retryable: false,
    nextStep: "Start the version of the host that last used this database, or a newer one.",
  },
  ALREADY_EXISTS: { origin: "caller", retryable: false, nextStep: "Choose another name, or use the one that exists." },
  NOT_FOUND: { origin: "caller", retryable: false, nextStep: "Check the id." },
  STALE_REVISION: {
    origin: "caller",
    retryable: false,
    nextStep: "Read the record again, and apply the change to its current state.",
  },
  STILL_IN_USE: { origin: "caller", retryable: false, nextStep: "First remove everything that still uses it." },
  L1_CLAIMED: {
    origin: "caller",
    retryable: false,
    nextStep: "Use an L1 key that no other tenant uses: each L1 key serves one tenant.",
  },
  ANOTHER_KEYSTORE_ACTIVE: {
    origin: "caller",
    retryable: false,
    nextStep: "Keep using the active keystore: a tenant has only one.",
  },
  QUOTA_EXCEEDED: {
    origin: "caller",
    retryable: false,
    nextStep:
      "Remove what is no longer needed (a service key stays permanently), or ask the operator to raise the quota (`quotas` in the profile).",
  },
  IDEMPOTENCY_KEYS_EXHAUSTED: {
    origin: "caller",
    retryable: true,
    nextStep: "Wait until older keys are a day old, or send the request without an Idempotency-Key.",
  },
}

/** Message of `DATABASE_COMMIT_UNCERTAIN`. */
export const commitUncertain = "The database did not confirm a change, which may or may not be stored."

/** Makes an error; origin, retryability and the default next step of a code come from the table above. */
export function persistenceError(
  code: PersistenceErrorCode,
  message: string,
  cause?: unknown,
  nextStep: string = meanings[code].nextStep,
): PersistenceError {
  return new PersistenceError(code, message, {
    ...meanings[code],
    nextStep,
    ...(cause === undefined ? {} : { cause }),
  })
}

/** Runs a write, and gives an error of a broken constraint, which names only columns, a message for people. */
export async function restating<T>(
  messages: Readonly<Partial<Record<PersistenceErrorCode, string>>>,
  write: () => Promise<T>,
): Promise<T> {
  try {
    return await write()
  } catch (error) {
    const message = isPersistenceError(error) ? messages[error.code] : undefined
    if (!isPersistenceError(error) || message === undefined) throw error
    throw persistenceError(error.code, message, error)
  }
}
