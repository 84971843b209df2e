import type { Clock, Logger } from "@apeiro-cmk/plugin-interface"

/** Pause between log lines, in milliseconds. */
const pauseMs = 60_000

/** Logs connections that a full listener drops: the first at once, and then their number once a minute at most. */
export class DroppedConnections {
  readonly #clock: Clock
  readonly #logger: Logger
  #count = 0
  #isPausing = false

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock
    this.#logger = logger
  }

  /** Counts a dropped connection. */
  add(): void {
    this.#count++
    if (!this.#isPausing) this.#log()
  }

  #log(): void {
    this.#isPausing = this.#count > 0
    if (!this.#isPausing) return
    this.#logger.warn("the listener is full: connections were dropped", { connections: this.#count })
    this.#count = 0
    this.#clock.after(pauseMs, () => this.#log())
  }
}
