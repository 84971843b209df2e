import { CodedError, type ErrorFacts, hasMarker } from "@apeiro-cmk/plugin-interface"

/**
 * Every code that this package throws.
 *
 * The database itself:
 * - `DATABASE_IN_USE` - another process holds the file.
 * - `DATABASE_FULL` - the disk, or the file's page limit, is full.
 * - `DATABASE_READ_ONLY` - the file or its folder cannot be written; the server is a standby.
 * - `DATABASE_CORRUPT` - the file is damaged, or is no database of this program.
 * - `DATABASE_UNAVAILABLE` - it does not answer: closed, its writer or server is gone, an I/O error.
 * - `DATABASE_BUSY` - it answers, but not in time: no free connection, a lock, a slow statement, one conflict after another.
 * - `DATABASE_ACCESS_DENIED` - the server refuses the user, the password or a right.
 * - `DATABASE_FAULT` - it refused a statement as wrong: a fault of this program.
 * - `DATABASE_URL_INVALID` - the URL is not one that this package understands.
 * - `SCHEMA_NEWER` - the schema was made by a newer version of this program.
 *
 * What a caller asked for:
 * - `ALREADY_EXISTS`, `NOT_FOUND`, `STALE_REVISION`, `STILL_IN_USE`
 * - `L1_CLAIMED` - another tenant has claimed the L1 key; never says which.
 * - `ANOTHER_KEYSTORE_ACTIVE` - the tenant has another active keystore.
 */
export type PersistenceErrorCode =
  | "DATABASE_IN_USE"
  | "DATABASE_FULL"
  | "DATABASE_READ_ONLY"
  | "DATABASE_CORRUPT"
  | "DATABASE_UNAVAILABLE"
  | "DATABASE_BUSY"
  | "DATABASE_ACCESS_DENIED"
  | "DATABASE_FAULT"
  | "DATABASE_URL_INVALID"
  | "SCHEMA_NEWER"
  | "ALREADY_EXISTS"
  | "NOT_FOUND"
  | "STALE_REVISION"
  | "STILL_IN_USE"
  | "L1_CLAIMED"
  | "ANOTHER_KEYSTORE_ACTIVE"

const persistenceErrorMarker = Symbol.for("@apeiro-cmk/persistence-error")

/** The only error that this package lets out. Its message and cause never carry a stored value. */
export class PersistenceError extends CodedError<PersistenceErrorCode> {
  constructor(code: PersistenceErrorCode, message: string, facts: ErrorFacts) {
    super(code, message, facts)
    Object.defineProperty(this, persistenceErrorMarker, { value: true })
  }
}

/** Tells whether a value is a {@link PersistenceError}, also one from another installed copy of this package. */
export function isPersistenceError(value: unknown): value is PersistenceError {
  return hasMarker(value, persistenceErrorMarker)
}

type Meaning = Pick<ErrorFacts, "origin" | "retryable" | "nextStep">

const meanings: Readonly<Record<PersistenceErrorCode, Meaning>> = {
  DATABASE_IN_USE: {
    origin: "host",
    retryable: true,
    nextStep: "Stop the other host, or give this one a database file of its own.",
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
    nextStep: "Check the disk of the database, then restart the host if it does not recover.",
  },
  DATABASE_BUSY: {
    origin: "host",
    retryable: true,
    nextStep: "Try again; if it lasts, look for long transactions and slow disks, or allow more connections.",
  },
  DATABASE_ACCESS_DENIED: {
    origin: "host",
    retryable: false,
    nextStep: "Check user, password (persistence.password) and rights; a corrected password is used without a restart.",
  },
  DATABASE_FAULT: {
    origin: "host",
    retryable: false,
    nextStep: "Report this as a fault of the program, with the message.",
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
    nextStep: "Read it again, and apply the change to what is there now.",
  },
  STILL_IN_USE: { origin: "caller", retryable: false, nextStep: "Remove what still uses it first." },
  L1_CLAIMED: { origin: "caller", retryable: false, nextStep: "Use an L1 key of your own: one key serves one tenant." },
  ANOTHER_KEYSTORE_ACTIVE: {
    origin: "caller",
    retryable: false,
    nextStep: "A tenant has one active keystore: keep using that one.",
  },
}

/** Makes the error of a code; origin, retryable and, unless there is a better one, next step come from the one table. */
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

/** Waits for a write, and gives the broken constraint, which knows only column names, words that a human understands. */
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
