import { DatabaseSync, type StatementSync } from "node:sqlite"
import {
  type ExecuteRequest,
  type OpenRequest,
  type SqliteRequest,
  type SqliteResult,
  transactionUndone,
} from "./protocol.ts"

/** Number of compiled statements to keep; the repositories have fewer, except for inserts of many sizes. */
const maximumCachedStatements = 200

const nothing: SqliteResult = { rows: [] }

interface CompiledStatement {
  readonly statement: StatementSync
  readonly returnsRows: boolean
}

/** SQLite has ended the transaction on its own, e.g. because the disk is full; nothing of it is stored. */
class TransactionUndone extends Error {
  readonly code = transactionUndone
  constructor() {
    super("SQLite has undone the transaction")
  }
}

/** Owns the open database file and its compiled statements; blocks the thread that it runs in. */
export class SqliteFile {
  readonly #statements = new Map<string, CompiledStatement>()
  #database: DatabaseSync | undefined

  /** Carries out one request; throws the errors of `node:sqlite` as they are. */
  answer(request: SqliteRequest): SqliteResult {
    switch (request.kind) {
      case "open":
        return this.#open(request)
      case "execute":
        return this.#execute(request)
      case "begin":
        return this.#begin()
      case "commit":
        return this.#commit()
      case "rollback":
        return this.#rollback()
      case "close":
        return this.#close()
      case "stall":
        return nothing
    }
  }

  get #opened(): DatabaseSync {
    if (this.#database === undefined) throw new Error("the database is not open")
    return this.#database
  }

  #open(request: OpenRequest): SqliteResult {
    const opened = new DatabaseSync(request.path, {
      timeout: request.busyTimeoutMs,
      enableForeignKeyConstraints: true,
      allowExtension: false,
    })
    try {
      // Exclusive before WAL: then there is no shared-memory file, and the lock stays until the file is closed.
      opened.exec("PRAGMA locking_mode = EXCLUSIVE")
      opened.exec("PRAGMA journal_mode = WAL")
      // Each commit is on disk before it is answered.
      opened.exec("PRAGMA synchronous = FULL")
      // Deleted records are overwritten where that costs no further write.
      opened.exec("PRAGMA secure_delete = FAST")
      if (request.maxPageCount !== undefined) opened.exec(`PRAGMA max_page_count = ${request.maxPageCount}`)
      // The first use of the file takes the lock, so it is used now instead of at some later request.
      opened.exec("BEGIN IMMEDIATE")
      opened.exec("COMMIT")
    } catch (error) {
      opened.close()
      throw error
    }
    this.#database = opened
    return nothing
  }

  #begin(): SqliteResult {
    this.#rollback()
    this.#opened.exec("BEGIN IMMEDIATE")
    return nothing
  }

  #execute(request: ExecuteRequest): SqliteResult {
    if (request.inTransaction && !this.#opened.isTransaction) throw new TransactionUndone()
    // A rollback that failed has left its transaction open; nothing else may become part of it.
    if (!request.inTransaction) this.#rollback()
    const { statement, returnsRows } = this.#compiled(request.sql)
    if (returnsRows) return { rows: statement.all(...request.parameters) }
    return { rows: [], changes: Number(statement.run(...request.parameters).changes) }
  }

  /** Returns the statement compiled, and drops the least recently used one when there are too many. */
  #compiled(sql: string): CompiledStatement {
    const known = this.#statements.get(sql)
    if (known !== undefined) {
      this.#statements.delete(sql)
      this.#statements.set(sql, known)
      return known
    }
    const statement = this.#opened.prepare(sql)
    const fresh = { statement, returnsRows: statement.columns().length > 0 }
    this.#statements.set(sql, fresh)
    if (this.#statements.size > maximumCachedStatements) {
      for (const oldest of this.#statements.keys()) {
        this.#statements.delete(oldest)
        break
      }
    }
    return fresh
  }

  #commit(): SqliteResult {
    if (!this.#opened.isTransaction) throw new TransactionUndone()
    this.#opened.exec("COMMIT")
    return nothing
  }

  /** Undoes the open transaction, if there is one: SQLite ends some on its own. */
  #rollback(): SqliteResult {
    if (this.#opened.isTransaction) this.#opened.exec("ROLLBACK")
    return nothing
  }

  #close(): SqliteResult {
    this.#statements.clear()
    this.#database?.close()
    this.#database = undefined
    return nothing
  }
}
