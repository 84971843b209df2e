import { Worker } from "node:worker_threads"
import { persistenceError } from "../errors.ts"
import type { RequestEnvelope, ResponseEnvelope, SqliteRequest, SqliteResult } from "./protocol.ts"
import { sqliteError } from "./sqlite-errors.ts"

interface Waiting {
  readonly resolve: (result: SqliteResult) => void
  readonly reject: (error: Error) => void
}

/**
 * Runs the one thread that owns the database file. The main thread only sends it messages, so a stalled disk never
 * stops the event loop.
 */
export class WriterThread {
  readonly #worker = new Worker(new URL("./sqlite-worker.ts", import.meta.url), { name: "sqlite-writer" })
  readonly #path: string
  readonly #waiting = new Map<number, Waiting>()
  #unsent: RequestEnvelope[] = []
  readonly #exited: Promise<void>
  #lastId = 0
  #death: Error | undefined

  constructor(path: string) {
    this.#path = path
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
   */
  async request(request: SqliteRequest): Promise<SqliteResult> {
    if (this.#death !== undefined) throw this.#unavailable(this.#death)
    this.#lastId += 1
    const envelope: RequestEnvelope = { id: this.#lastId, request }
    return new Promise((resolve, reject) => {
      this.#waiting.set(envelope.id, { resolve, reject })
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
    if ("failure" in response) waiting?.reject(sqliteError(response.failure, this.#path))
    else waiting?.resolve(response.result)
  }

  #die(cause: Error): void {
    this.#death ??= cause
    for (const { reject } of this.#waiting.values()) reject(this.#unavailable(this.#death))
    this.#waiting.clear()
  }

  #unavailable(cause: Error): Error {
    return persistenceError("DATABASE_UNAVAILABLE", `The writer of the database ${this.#path} is gone.`, cause)
  }
}
