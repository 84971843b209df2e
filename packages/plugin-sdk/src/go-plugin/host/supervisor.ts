import { type CallOptions, type Clock, isPluginError, type Logger } from "@apeiro-cmk/plugin-interface"
import { abortable } from "../../deadline.ts"
import { pluginError } from "../../error-facts.ts"
import { readLogLine } from "../handshake/log-line.ts"
import type { PluginConnection } from "./plugin-connection.ts"

/** What a supervised plugin is made of. */
export interface SupervisorOptions {
  /** Of the plugin, for the log. */
  readonly name: string
  /** Starts a process. @throws {PluginProcessError} */
  connect(): Promise<PluginConnection>
  readonly clock: Clock
  readonly logger: Logger
  /** Spreads restarts: a number from 0 to 1. Default `Math.random`. */
  readonly jitter?: () => number
  /** How often the process is asked whether it is well, in milliseconds. Default 10,000. */
  readonly healthIntervalMs?: number
  /** Longest wait for its answer, in milliseconds. Default 5,000. */
  readonly healthTimeoutMs?: number
}

/** A plugin's process that is watched. */
export interface Supervisor {
  /** Starts the first process. @throws {PluginProcessError} */
  start(signal: AbortSignal): Promise<void>
  /** Ends it, and starts none any more. Idempotent. */
  stop(): Promise<void>
  /** The process that runs now, or the next one when it is being started. @throws {PluginError} UNREACHABLE */
  connection(call: Pick<CallOptions, "signal">): Promise<PluginConnection>
}

const firstPauseMs = 200
const longestPauseMs = 10_000
/** A process that dies so often within so long is set aside. */
const mostDeaths = 5
const countedForMs = 60_000
/** So many answers in a row that did not come, and the process is ended by force. */
const mostSilences = 3

/**
 * Keeps a plugin running as a process: one that dies, or falls silent three times in a row, is started again, after
 * growing pauses; one that dies five times in a minute is set aside until the host starts again.
 */
export function createSupervisor(options: SupervisorOptions): Supervisor {
  const {
    name,
    connect,
    clock,
    logger,
    jitter = Math.random,
    healthIntervalMs = 10_000,
    healthTimeoutMs = 5_000,
  } = options
  let current: Promise<PluginConnection> | undefined
  let isStopping = false
  let cancelRestart: () => void = () => undefined
  let deathsMs: number[] = []
  let setAside: string | undefined

  async function launch(): Promise<PluginConnection> {
    const connection = await connect()
    const stopWatching = watchHealth(connection)
    void connection.ended.then((how) => {
      stopWatching()
      onDeath(connection, how)
    })
    return connection
  }

  function watchHealth(connection: PluginConnection): () => void {
    let silences = 0
    let isWatched = true
    let cancel: () => void = () => undefined
    const later = () => {
      cancel = clock.after(healthIntervalMs, () => void check())
    }
    const check = async () => {
      try {
        await connection.checkHealth(healthTimeoutMs)
        silences = 0
      } catch (error) {
        if (!isWatched) return
        silences += 1
        logger.warn("the plugin's process does not answer", { plugin: name, silences, reason: messageOf(error) })
      }
      if (!isWatched) return
      if (silences < mostSilences) later()
      else connection.kill()
    }
    later()
    return () => {
      isWatched = false
      cancel()
    }
  }

  function onDeath(connection: PluginConnection, how: number | string): void {
    if (isStopping) return
    logger.error("the plugin's process died", { plugin: name, how, lastLines: connection.lastLines() })
    noteFailure(connection.lastLines())
  }

  /** Decides what happens after a death, or after a start that failed. */
  function noteFailure(lastLines: readonly string[]): void {
    const nowMs = clock.monotonicMs()
    deathsMs = [...deathsMs.filter((each) => each > nowMs - countedForMs), nowMs]
    if (deathsMs.length >= mostDeaths) {
      const last = lastLines.at(-1)
      setAside = last === undefined ? "it said nothing" : readLogLine(last).message
      logger.error("the plugin is set aside: its process dies again and again", { plugin: name, lastLines })
      current = undefined
      return
    }
    const pauseMs = Math.min(firstPauseMs * 2 ** (deathsMs.length - 1), longestPauseMs) * (0.5 + jitter() / 2)
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const cancelTimer = clock.after(pauseMs, resolve)
    cancelRestart = () => {
      cancelTimer()
      reject(gone(undefined))
    }
    current = promise.then(launch)
    current.catch((error: unknown) => {
      if (isStopping) return
      logger.error("the plugin's process could not be started again", { plugin: name, reason: messageOf(error) })
      noteFailure([messageOf(error)])
    })
  }

  return {
    async start(signal) {
      current = launch()
      await abortable(current, signal)
    },
    async stop() {
      isStopping = true
      cancelRestart()
      const running = current
      current = undefined
      await running?.then(
        (connection) => connection.close(),
        () => undefined,
      )
    },
    async connection({ signal }) {
      if (isStopping || current === undefined) throw gone(setAside)
      try {
        return await abortable(current, signal)
      } catch (error) {
        throw isPluginError(error) ? error : gone(messageOf(error))
      }
    },
  }
}

function gone(reason: string | undefined) {
  const message = reason === undefined ? "The plugin's process is gone." : `The plugin's process is gone: ${reason}.`
  return pluginError("UNREACHABLE", message, "Look at the host's log; start the host again when the cause is mended.", {
    origin: "plugin",
    retryable: reason === undefined,
  })
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : "unknown reason"
}
