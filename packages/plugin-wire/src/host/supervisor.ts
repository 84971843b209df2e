import { type CallOptions, type Clock, isPluginError, type Logger } from "@apeiro-cmk/plugin-interface"
import { abortable, pluginError } from "@apeiro-cmk/plugin-sdk"
import { readLogLine } from "../handshake/log-line.ts"
import { HealthWatch } from "./health-watch.ts"
import type { PluginConnection } from "./plugin-connection.ts"

/** Options of {@link createSupervisor}. */
export interface SupervisorOptions {
  /** Name of the plugin, for the log. */
  readonly name: string
  /** Starts a process. @throws {PluginProcessError} */
  connect(): Promise<PluginConnection>
  readonly clock: Clock
  readonly logger: Logger
  /** Spreads restarts: a number from 0 to 1. Default `Math.random`. */
  readonly jitter?: () => number
  /** Time between two checks of the health of the process, in milliseconds. Default 10,000. */
  readonly healthIntervalMs?: number
  /** Longest wait for the answer to a check, in milliseconds. Default 5,000. */
  readonly healthTimeoutMs?: number
}

/** A plugin's process that is watched. */
export interface Supervisor {
  /** Starts the first process. @throws {PluginProcessError} */
  start(signal: AbortSignal): Promise<void>
  /** Ends the process for good. Idempotent. */
  stop(): Promise<void>
  /** Returns the process that runs, or waits for the one that is being started. @throws {PluginError} UNREACHABLE */
  connection(call: Pick<CallOptions, "signal">): Promise<PluginConnection>
}

const firstPauseMs = 200
const longestPauseMs = 10_000
/** A process that dies so often within so long is set aside. */
const mostDeaths = 5
const countedForMs = 60_000

/**
 * Keeps a plugin running as a process: one that dies, or does not answer three times in a row, is started again, after
 * growing pauses; one that dies five times in a minute is set aside until the host starts again.
 */
export function createSupervisor(options: SupervisorOptions): Supervisor {
  return new ProcessSupervisor(options)
}

class ProcessSupervisor implements Supervisor {
  readonly #options: SupervisorOptions
  #current: Promise<PluginConnection> | undefined
  #isStopping = false
  #cancelRestart: () => void = () => undefined
  #deathsMs: readonly number[] = []
  #setAside: string | undefined

  constructor(options: SupervisorOptions) {
    this.#options = options
  }

  async start(signal: AbortSignal): Promise<void> {
    this.#current = this.#launch()
    await abortable(this.#current, signal)
  }

  async stop(): Promise<void> {
    this.#isStopping = true
    this.#cancelRestart()
    const running = this.#current
    this.#current = undefined
    await running?.then(
      (connection) => connection.close(),
      () => undefined,
    )
  }

  async connection({ signal }: Pick<CallOptions, "signal">): Promise<PluginConnection> {
    if (this.#isStopping || this.#current === undefined) throw gone(this.#setAside)
    try {
      return await abortable(this.#current, signal)
    } catch (error) {
      throw isPluginError(error) ? error : gone(messageOf(error))
    }
  }

  async #launch(): Promise<PluginConnection> {
    const { name, clock, logger, healthIntervalMs = 10_000, healthTimeoutMs = 5_000 } = this.#options
    const connection = await this.#options.connect()
    const watch = new HealthWatch(connection, { name, clock, logger, healthIntervalMs, healthTimeoutMs })
    void connection.ended.then((how) => {
      watch.stop()
      this.#onDeath(connection, how)
    })
    return connection
  }

  #onDeath(connection: PluginConnection, how: number | string): void {
    if (this.#isStopping) return
    const { name, logger } = this.#options
    logger.error("the plugin's process died", { plugin: name, how, lastLines: connection.lastLines() })
    this.#onFailure(connection.lastLines())
  }

  /** Decides what happens after a death, or after a start that failed. */
  #onFailure(lastLines: readonly string[]): void {
    const nowMs = this.#options.clock.monotonicMs()
    this.#deathsMs = [...this.#deathsMs.filter((each) => each > nowMs - countedForMs), nowMs]
    if (this.#deathsMs.length >= mostDeaths) this.#setProcessAside(lastLines)
    else this.#restart()
  }

  #setProcessAside(lastLines: readonly string[]): void {
    const { name, logger } = this.#options
    const last = lastLines.at(-1)
    this.#setAside = last === undefined ? "it wrote nothing" : readLogLine(last).message
    logger.error("the plugin is set aside: its process dies again and again", { plugin: name, lastLines })
    this.#current = undefined
  }

  #restart(): void {
    const { name, clock, logger, jitter = Math.random } = this.#options
    const longest = Math.min(firstPauseMs * 2 ** (this.#deathsMs.length - 1), longestPauseMs)
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const cancelTimer = clock.after(longest * (0.5 + jitter() / 2), resolve)
    this.#cancelRestart = () => {
      cancelTimer()
      reject(gone(undefined))
    }
    this.#current = promise.then(() => this.#launch())
    this.#current.catch((error: unknown) => {
      if (this.#isStopping) return
      logger.error("the plugin's process could not be started again", { plugin: name, reason: messageOf(error) })
      this.#onFailure([messageOf(error)])
    })
  }
}

function gone(reason: string | undefined) {
  const message = reason === undefined ? "The plugin's process is gone." : `The plugin's process is gone: ${reason}.`
  return pluginError("UNREACHABLE", message, "Look at the host's log, fix the cause, then start the host again.", {
    origin: "plugin",
    retryable: reason === undefined,
  })
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : "unknown reason"
}
