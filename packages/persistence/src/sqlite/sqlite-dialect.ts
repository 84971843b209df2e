import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type DialectAdapter,
  type Driver,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from "kysely"
import { persistenceError } from "../errors.ts"
import { sqlParameter } from "../sql-parameter.ts"
import { FairQueue } from "./fair-queue.ts"
import type { SqliteRequest, SqliteResult } from "./protocol.ts"
import type { WriterThread } from "./writer-thread.ts"

/** Makes the Kysely dialect for the writer thread. */
export function sqliteDialect(writer: WriterThread): Dialect {
  return {
    createDriver: () => new WriterDriver(writer),
    createAdapter: () => new WriterAdapter(),
    createQueryCompiler: () => new SqliteQueryCompiler(),
    createIntrospector: (db) => new SqliteIntrospector(db),
  }
}

class WriterAdapter extends SqliteAdapter implements DialectAdapter {
  /** True for SQLite: a migration that fails or is killed leaves nothing behind. */
  override get supportsTransactionalDdl(): boolean {
    return true
  }

  /** The driver below has its own fair queue; Kysely's lock is not first come, first served. */
  override get supportsMultipleConnections(): boolean {
    return true
  }
}

class WriterDriver implements Driver {
  readonly #writer: WriterThread
  readonly #queue = new FairQueue()

  constructor(writer: WriterThread) {
    this.#writer = writer
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<WriterConnection> {
    return new WriterConnection(this.#writer, this.#queue)
  }

  async beginTransaction(connection: WriterConnection): Promise<void> {
    await connection.begin()
  }

  async commitTransaction(connection: WriterConnection): Promise<void> {
    await connection.commit()
  }

  async rollbackTransaction(connection: WriterConnection): Promise<void> {
    await connection.rollback()
  }

  async releaseConnection(connection: WriterConnection): Promise<void> {
    connection.release()
  }

  async destroy(): Promise<void> {
    const release = await this.#queue.enter()
    try {
      await this.#writer.close()
    } finally {
      release()
    }
  }
}

/**
 * Sends the statements of one connection. A transaction holds its turn at the writer from begin to end. A single
 * statement holds it only until it is sent: the writer works in the order of arrival, so the next one need not wait for
 * the answer.
 */
class WriterConnection implements DatabaseConnection {
  readonly #writer: WriterThread
  readonly #queue: FairQueue
  #releaseTransaction: (() => void) | undefined
  #begun: Promise<unknown> = Promise.resolve()

  constructor(writer: WriterThread, queue: FairQueue) {
    this.#writer = writer
    this.#queue = queue
  }

  /** Begins a transaction; its answer is awaited with that of the first statement, which travels with it. */
  async begin(): Promise<void> {
    this.#releaseTransaction = await this.#queue.enter()
    this.#begun = this.#writer.request({ kind: "begin" })
    this.#begun.catch(() => undefined)
  }

  /**
   * Commits, and keeps the turn: after a failure a rollback follows, which would hit the next transaction if that one had
   * begun meanwhile.
   */
  async commit(): Promise<void> {
    await this.#writer.request({ kind: "commit" })
  }

  /** Undoes the transaction. Its caller has the error that led here; one of the rollback would only hide it. */
  async rollback(): Promise<void> {
    await this.#writer.request({ kind: "rollback" }).catch(() => undefined)
  }

  /** Ends the turn of a transaction, if one is open. */
  release(): void {
    this.#releaseTransaction?.()
    this.#releaseTransaction = undefined
  }

  async executeQuery<Row>(query: CompiledQuery): Promise<QueryResult<Row>> {
    const inTransaction = this.#releaseTransaction !== undefined
    const request = {
      kind: "execute",
      sql: query.sql,
      parameters: query.parameters.map(sqlParameter),
      inTransaction,
    } as const
    const { rows, changes } = await (inTransaction ? this.#sendInTransaction(request) : this.#sendInTurn(request))
    // Kysely's own contract: the shape of a row follows from the query, which the compiler has checked.
    const typedRows = rows as Row[]
    return { rows: typedRows, ...(changes === undefined ? {} : { numAffectedRows: BigInt(changes) }) }
  }

  async #sendInTransaction(request: SqliteRequest): Promise<SqliteResult> {
    const answered = this.#writer.request(request)
    const [, result] = await Promise.all([this.#begun, answered])
    return result
  }

  async #sendInTurn(request: SqliteRequest): Promise<SqliteResult> {
    const release = await this.#queue.enter()
    const answered = this.#writer.request(request)
    release()
    return answered
  }

  // biome-ignore lint/correctness/useYield: streaming is refused
  async *streamQuery<Row>(): AsyncIterableIterator<QueryResult<Row>> {
    throw persistenceError("DATABASE_FAULT", "Streaming is not supported: read in pages.")
  }
}
