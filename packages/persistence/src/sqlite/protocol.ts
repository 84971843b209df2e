import type { SqlParameter } from "../sql-parameter.ts"

/** How the file is opened. */
export interface OpenRequest {
  readonly kind: "open"
  readonly path: string
  /** How long to wait for another process to let go of the file, in milliseconds. */
  readonly busyTimeoutMs: number
  /** Largest size of the file, in pages. */
  readonly maxPageCount?: number
}

/** One statement. */
export interface ExecuteRequest {
  readonly kind: "execute"
  readonly sql: string
  readonly parameters: readonly SqlParameter[]
  /**
   * Whether it belongs to an open transaction. SQLite ends a transaction by itself on some errors (a full disk); a later
   * statement of it must then be refused and not be committed alone.
   */
  readonly inTransaction: boolean
}

/** Blocks the writer until `flag[0]` is not 0; for tests. */
interface StallRequest {
  readonly kind: "stall"
  /** A SharedArrayBuffer of one 32-bit integer. */
  readonly flag: SharedArrayBuffer
  readonly limitMs: number
}

/** What the main thread asks of the writer. */
export type SqliteRequest =
  | OpenRequest
  | ExecuteRequest
  | StallRequest
  | { readonly kind: "begin" | "commit" | "rollback" | "close" }

/** What the writer thread answers with. */
export interface SqliteResult {
  readonly rows: readonly unknown[]
  /** Rows that an insert, update or delete without `returning` touched. */
  readonly changes?: number
}

/** An error on its way between the threads: no stored value in it. */
export interface SqliteFailure {
  readonly message: string
  /** Node's code, e.g. `ERR_SQLITE_ERROR`. */
  readonly code?: string
  /** SQLite's extended result code (https://sqlite.org/rescode.html). */
  readonly resultCode?: number
}

/** A request as it is sent. */
export interface RequestEnvelope {
  readonly id: number
  readonly request: SqliteRequest
}

/** An answer as it is sent. */
export type ResponseEnvelope =
  | { readonly id: number; readonly result: SqliteResult }
  | { readonly id: number; readonly failure: SqliteFailure }
