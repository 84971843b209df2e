import type { Clock, Logger } from "@apeiro-cmk/plugin-interface"
import type { PluginConnection } from "./plugin-connection.ts"

/** Options of a {@link HealthWatch}. */
export interface HealthWatchOptions {
  /** Name of the plugin, for the log. */
  readonly name: string
  readonly clock: Clock
  readonly logger: Logger
  /** Time between two checks, in milliseconds. */
  readonly healthIntervalMs: number
  /** Longest wait for an answer, in milliseconds. */
  readonly healthTimeoutMs: number
}

/** After so many checks in a row without an answer the process is ended by force. */
const mostSilences = 3

/** Checks the health of a process again and again, and ends it by force when it no longer answers. */
export class HealthWatch {
  readonly #connection: PluginConnection
  readonly #options: HealthWatchOptions
  #silences = 0
  #isStopped = false
  #cancel: () => void = () => undefined

  constructor(connection: PluginConnection, options: HealthWatchOptions) {
    this.#connection = connection
    this.#options = options
    this.#checkLater()
  }

  stop(): void {
    this.#isStopped = true
    this.#cancel()
  }

  #checkLater(): void {
    this.#cancel = this.#options.clock.after(this.#options.healthIntervalMs, () => void this.#check())
  }

  async #check(): Promise<void> {
    try {
      await this.#connection.checkHealth(this.#options.healthTimeoutMs)
      this.#silences = 0
    } catch (error) {
      if (this.#isStopped) return
      this.#silences += 1
      const { name, logger } = this.#options
      const reason = error instanceof Error ? error.message : "unknown reason"
      logger.warn("the plugin's process does not answer", { plugin: name, silences: this.#silences, reason })
    }
    if (this.#isStopped) return
    if (this.#silences < mostSilences) this.#checkLater()
    else this.#connection.kill()
  }
}
