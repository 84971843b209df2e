import { untilAborted } from "./abort.ts"

/** Runs work once at a time per key, for any number of waiters. */
export class Flights {
  readonly #running = new Map<string, Promise<void>>()

  /** Tells whether work runs under this key. */
  has(key: string): boolean {
    return this.#running.has(key)
  }

  /** Waits for the work that runs under this key, or starts it. A waiter that gives up does not stop it. */
  async join(key: string, signal: AbortSignal, start: () => Promise<void>): Promise<void> {
    return untilAborted(this.#running.get(key) ?? this.start(key, start), signal, () => undefined)
  }

  /** Starts work under a key; none may be running under it. */
  start(key: string, start: () => Promise<void>): Promise<void> {
    const flight = start().finally(() => this.#running.delete(key))
    this.#running.set(key, flight)
    return flight
  }

  /** Resolves when everything that runs now has ended, whatever its outcome. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#running.values())
  }
}
