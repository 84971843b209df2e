import { Worker } from "node:worker_threads"
import { commitUncertain, persistenceError } from "../errors.ts"
import {
  type RequestEnvelope,
  type ResponseEnvelope,
  type SqliteRequest,
  type SqliteResult,
  storesChange,
} from "./protocol.ts"
import { isIoError, sqliteError } from "./sqlite-errors.ts"

interface Waiting {
  readonly request: SqliteRequest
  readonly resolve: (result: SqliteResult) => void
  readonly reject: (error: Error) => void
}

/**
 * Runs the one thread that owns the database file. The main thread only sends it messages, so a stalled disk never
 * stops the event loop.
 */
export class WriterThread {
  readonly #worker = new Worker(new URL("./sqlite-worker.ts", import.meta.url), { name: "sqlite-writer" })
  readonly #waiting = new Map<number, Waiting>()
  #unsent: RequestEnvelope[] = []
  readonly #exited: Promise<void>
  #lastId = 0
  #death: Error | undefined

  constructor() {
    this.#worker.on("message", (responses: readonly ResponseEnvelope[]) => {
      for (const response of responses) this.#settle(response)
    })
    this.#worker.on("error", (error) => this.#die(error))
    this.#exited = new Promise((resolve) => {
      this.#worker.once("exit", (exitCode) => {
        this.#die(new Error(`the writer thread ended with code ${exitCode}`))
        resolve()
      })
    })
  }

  /**
   * Sends a request; requests are answered in the order in which they were sent.
   * @throws {PersistenceError} any code in the tables of sqlite-errors.ts
   * @throws {PersistenceError} DATABASE_UNAVAILABLE - the thread died
   * @throws {PersistenceError} DATABASE_COMMIT_UNCERTAIN - it died before it had answered a request that stores a change
   */
  async request(request: SqliteRequest): Promise<SqliteResult> {
    if (this.#death !== undefined) throw unavailable(this.#death)
    this.#lastId += 1
    const envelope: RequestEnvelope = { id: this.#lastId, request }
    return new Promise((resolve, reject) => {
      this.#waiting.set(envelope.id, { request, resolve, reject })
      this.#send(envelope)
    })
  }

  /** Sends all requests of one turn of the event loop together: a message between threads costs more than a query. */
  #send(envelope: RequestEnvelope): void {
    this.#unsent.push(envelope)
    if (this.#unsent.length > 1) return
    queueMicrotask(() => {
      const requests = this.#unsent
      this.#unsent = []
      this.#worker.postMessage(requests)
    })
  }

  /** Closes the file after every request sent so far, and ends the thread. */
  async close(): Promise<void> {
    if (this.#death !== undefined) return
    try {
      await this.request({ kind: "close" })
    } finally {
      await this.terminate()
    }
  }

  /** Ends the thread immediately; requests that wait are rejected. */
  async terminate(): Promise<void> {
    await this.#worker.terminate()
    await this.#exited
  }

  #settle(response: ResponseEnvelope): void {
    const waiting = this.#waiting.get(response.id)
    this.#waiting.delete(response.id)
    if (waiting === undefined) return
    if ("result" in response) {
      waiting.resolve(response.result)
      return
    }
    const error = sqliteError(response.failure)
    // After an I/O error the log may hold the change, and a crash would bring it back.
    const isUncertain = isIoError(response.failure) && storesChange(waiting.request)
    waiting.reject(isUncertain ? uncertain(error) : error)
  }

  #die(cause: Error): void {
    this.#death ??= cause
    for (const { request, reject } of this.#waiting.values()) {
      reject(storesChange(request) ? uncertain(this.#death) : unavailable(this.#death))
    }
    this.#waiting.clear()
  }
}

function unavailable(cause: Error): Error {
  return persistenceError("DATABASE_UNAVAILABLE", "The writer of the database is gone.", cause)
}

function uncertain(cause: Error): Error {
  return persistenceError("DATABASE_COMMIT_UNCERTAIN", commitUncertain, cause)
}
