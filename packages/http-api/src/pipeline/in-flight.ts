import type { ServerResponse } from "node:http"
import { HttpApiError } from "../errors.ts"

/** Counts the accepted work, and refuses new requests once the host drains. */
export class InFlight {
  #running = 0
  #isDraining = false
  readonly #waiting = new Set<() => void>()

  /**
   * Counts a request until its response closes.
   * @throws {HttpApiError} SHUTTING_DOWN - the host drains; the connection ends with the answer
   */
  track(response: ServerResponse): void {
    if (this.#isDraining) {
      response.setHeader("Connection", "close")
      throw shuttingDown()
    }
    response.once("close", this.hold())
  }

  /** Counts a piece of work that may outlive its response. @returns what to call at its end, once */
  hold(): () => void {
    this.#running++
    return () => this.#release()
  }

  /** Tells whether {@link drain} was called. */
  isDraining(): boolean {
    return this.#isDraining
  }

  /** Refuses every request from now on. */
  drain(): void {
    this.#isDraining = true
  }

  /** Resolves when all accepted work has ended. */
  idle(): Promise<void> {
    return this.#running === 0 ? Promise.resolve() : new Promise((resolve) => this.#waiting.add(resolve))
  }

  #release(): void {
    this.#running--
    if (this.#running > 0) return
    for (const resolve of this.#waiting) resolve()
    this.#waiting.clear()
  }
}

function shuttingDown(): HttpApiError {
  return new HttpApiError("SHUTTING_DOWN", "The host is shutting down.", {
    origin: "host",
    retryable: true,
    nextStep: "Send the request again, to another replica or when the host is back.",
    retryAfterMs: 1000,
  })
}
