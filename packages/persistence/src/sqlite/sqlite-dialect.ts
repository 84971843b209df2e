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
import type { WriterThread } from "./writer-thread.ts"

/** Kysely on the writer thread. */
export function sqliteDialect(writer: WriterThread): Dialect {
  return {
    createDriver: () => new WriterDriver(writer),
    createAdapter: () => new WriterAdapter(),
    createQueryCompiler: () => new SqliteQueryCompiler(),
    createIntrospector: (db) => new SqliteIntrospector(db),
  }
}

class WriterAdapter extends SqliteAdapter implements DialectAdapter {
  /** SQLite can: a migration that fails or is killed leaves nothing behind. */
  override get supportsTransactionalDdl(): boolean {
    return true
  }

  /** The driver below queues by itself, and fairly; Kysely's own lock is not first come, first served. */
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
    return new WriterConnection(this.#writer, await this.#queue.enter())
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

/** One turn at the writer. */
class WriterConnection implements DatabaseConnection {
  readonly release: () => void
  readonly #writer: WriterThread
  #inTransaction = false

  constructor(writer: WriterThread, release: () => void) {
    this.#writer = writer
    this.release = release
  }

  async begin(): Promise<void> {
    await this.#writer.request({ kind: "begin" })
    this.#inTransaction = true
  }

  async commit(): Promise<void> {
    this.#inTransaction = false
    await this.#writer.request({ kind: "commit" })
  }

  async rollback(): Promise<void> {
    this.#inTransaction = false
    await this.#writer.request({ kind: "rollback" })
  }

  async executeQuery<Row>(query: CompiledQuery): Promise<QueryResult<Row>> {
    const { rows, changes } = await this.#writer.request({
      kind: "execute",
      sql: query.sql,
      parameters: query.parameters.map(sqlParameter),
      inTransaction: this.#inTransaction,
    })
    // Kysely's own contract: the shape of a row follows from the query, which the compiler has checked.
    const typedRows = rows as Row[]
    return { rows: typedRows, ...(changes === undefined ? {} : { numAffectedRows: BigInt(changes) }) }
  }

  // biome-ignore lint/correctness/useYield: streaming is refused
  async *streamQuery<Row>(): AsyncIterableIterator<QueryResult<Row>> {
    throw persistenceError("DATABASE_FAULT", "Streaming is not supported: read in pages.")
  }
}
