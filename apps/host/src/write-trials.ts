import type { Database } from "@apeiro-cmk/persistence"
import type { Clock } from "@apeiro-cmk/plugin-interface"

/** How long a trial that succeeded is believed, in milliseconds. */
const believedMs = 5000

/** Tries whether the database stores changes: one trial at a time, however many ask, and none soon after a success. */
export class WriteTrials {
  readonly #database: Pick<Database, "tryWrite">
  readonly #clock: Pick<Clock, "monotonicMs">
  #running: Promise<void> | undefined
  #succeededAtMs = Number.NEGATIVE_INFINITY

  constructor(database: Pick<Database, "tryWrite">, clock: Pick<Clock, "monotonicMs">) {
    this.#database = database
    this.#clock = clock
  }

  /** @throws {PersistenceError} the database stores no changes */
  async require(): Promise<void> {
    if (this.#clock.monotonicMs() - this.#succeededAtMs < believedMs) return
    this.#running ??= this.#try()
    await this.#running
  }

  async #try(): Promise<void> {
    try {
      await this.#database.tryWrite()
      this.#succeededAtMs = this.#clock.monotonicMs()
    } finally {
      this.#running = undefined
    }
  }
}
