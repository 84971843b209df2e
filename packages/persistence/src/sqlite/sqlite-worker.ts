import { DatabaseSync, type StatementSync } from "node:sqlite"
import { parentPort } from "node:worker_threads"
import type {
  ExecuteRequest,
  OpenRequest,
  RequestEnvelope,
  ResponseEnvelope,
  SqliteFailure,
  SqliteRequest,
  SqliteResult,
} from "./protocol.ts"

/** Compiled statements that are kept; the repositories have fewer, except for inserts of many sizes. */
const maximumCachedStatements = 200

const nothing: SqliteResult = { rows: [] }

interface CompiledStatement {
  readonly statement: StatementSync
  readonly returnsRows: boolean
}

let database: DatabaseSync | undefined
const statements = new Map<string, CompiledStatement>()

function open(request: OpenRequest): SqliteResult {
  const opened = new DatabaseSync(request.path, {
    timeout: request.busyTimeoutMs,
    enableForeignKeyConstraints: true,
    allowExtension: false,
  })
  try {
    // Exclusive before WAL: no shared-memory file then, and the lock stays until the file is closed.
    opened.exec("PRAGMA locking_mode = EXCLUSIVE")
    opened.exec("PRAGMA journal_mode = WAL")
    // Each commit is on the disk before it is answered.
    opened.exec("PRAGMA synchronous = FULL")
    // Deleted records are overwritten wherever that costs no further write.
    opened.exec("PRAGMA secure_delete = FAST")
    if (request.maxPageCount !== undefined) opened.exec(`PRAGMA max_page_count = ${request.maxPageCount}`)
    // The lock is taken by the first use of the file, so it is used here and not at some later request.
    opened.exec("BEGIN IMMEDIATE")
    opened.exec("COMMIT")
  } catch (error) {
    opened.close()
    throw error
  }
  database = opened
  return nothing
}

function opened(): DatabaseSync {
  if (database === undefined) throw new Error("the database is not open")
  return database
}

function compiled(sql: string): CompiledStatement {
  const known = statements.get(sql)
  if (known !== undefined) {
    statements.delete(sql)
    statements.set(sql, known)
    return known
  }
  const statement = opened().prepare(sql)
  const fresh = { statement, returnsRows: statement.columns().length > 0 }
  statements.set(sql, fresh)
  if (statements.size > maximumCachedStatements) {
    for (const oldest of statements.keys()) {
      statements.delete(oldest)
      break
    }
  }
  return fresh
}

function execute(request: ExecuteRequest): SqliteResult {
  if (request.inTransaction && !opened().isTransaction) throw new Error("the transaction was rolled back by SQLite")
  const { statement, returnsRows } = compiled(request.sql)
  if (returnsRows) return { rows: statement.all(...request.parameters) }
  return { rows: [], changes: Number(statement.run(...request.parameters).changes) }
}

function rollback(): SqliteResult {
  if (opened().isTransaction) opened().exec("ROLLBACK")
  return nothing
}

function commit(): SqliteResult {
  try {
    opened().exec("COMMIT")
  } catch (error) {
    rollback()
    throw error
  }
  return nothing
}

function close(): SqliteResult {
  statements.clear()
  database?.close()
  database = undefined
  return nothing
}

function answer(request: SqliteRequest): SqliteResult {
  switch (request.kind) {
    case "open":
      return open(request)
    case "execute":
      return execute(request)
    case "begin":
      opened().exec("BEGIN IMMEDIATE")
      return nothing
    case "commit":
      return commit()
    case "rollback":
      return rollback()
    case "close":
      return close()
    case "stall":
      return nothing
  }
}

function failure(error: unknown): SqliteFailure {
  if (!(error instanceof Error)) return { message: "unknown failure" }
  return {
    message: error.message,
    ...("code" in error && typeof error.code === "string" ? { code: error.code } : {}),
    ...("errcode" in error && typeof error.errcode === "number" ? { resultCode: error.errcode } : {}),
  }
}

const port = parentPort
if (port === null) throw new Error("sqlite-worker runs only as a worker thread")

function respond({ id, request }: RequestEnvelope): ResponseEnvelope {
  try {
    return { id, result: answer(request) }
  } catch (error) {
    return { id, failure: failure(error) }
  }
}

port.on("message", (requests: readonly RequestEnvelope[]) => {
  port.postMessage(requests.map(respond))
  for (const { request } of requests) {
    if (request.kind === "stall") Atomics.wait(new Int32Array(request.flag), 0, 0, request.limitMs)
    if (request.kind === "close") port.close()
  }
})
