import { isRead } from "../is-read.ts"
import type { SqlParameter } from "../sql-parameter.ts"

/** Opens the file. */
export interface OpenRequest {
  readonly kind: "open"
  readonly path: string
  /** Longest wait for another process to release the file, in milliseconds. */
  readonly busyTimeoutMs: number
  /** Maximum size of the file, in pages. */
  readonly maxPageCount?: number
}

/** Runs one statement. */
export interface ExecuteRequest {
  readonly kind: "execute"
  readonly sql: string
  readonly parameters: readonly SqlParameter[]
  /**
   * Whether it belongs to an open transaction. On some errors (a full disk) SQLite ends a transaction on its own; a
   * later statement of that transaction must then be refused instead of being committed alone.
   */
  readonly inTransaction: boolean
}

/** Tells whether a request stores a change: if its answer is lost, nobody knows whether the change is stored. */
export function storesChange(request: SqliteRequest): boolean {
  if (request.kind === "commit") return true
  return request.kind === "execute" && !request.inTransaction && !isRead(request.sql)
}

/** Blocks the writer until `flag[0]` is not 0; for tests. */
interface StallRequest {
  readonly kind: "stall"
  /** A SharedArrayBuffer of one 32-bit integer. */
  readonly flag: SharedArrayBuffer
  readonly limitMs: number
}

/** A request of the main thread to the writer. */
export type SqliteRequest =
  | OpenRequest
  | ExecuteRequest
  | StallRequest
  | { readonly kind: "begin" | "commit" | "rollback" | "close" }

/** An answer of the writer thread. */
export interface SqliteResult {
  readonly rows: readonly unknown[]
  /** Number of rows that an insert, update or delete without `returning` changed. */
  readonly changes?: number
}

/** Code of the failure of a statement whose transaction SQLite has undone on its own. */
export const transactionUndone = "TRANSACTION_UNDONE"

/** An error on its way between the threads; contains no stored value. */
export interface SqliteFailure {
  readonly message: string
  /** {@link transactionUndone}, or Node's code, e.g. `ERR_SQLITE_ERROR`. */
  readonly code?: string
  /** SQLite's extended result code (https://sqlite.org/rescode.html). */
  readonly resultCode?: number
}

/** A request as sent between the threads. */
export interface RequestEnvelope {
  readonly id: number
  readonly request: SqliteRequest
}

/** An answer as sent between the threads. */
export type ResponseEnvelope =
  | { readonly id: number; readonly result: SqliteResult }
  | { readonly id: number; readonly failure: SqliteFailure }
