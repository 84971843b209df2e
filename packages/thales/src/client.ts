import { type ChildProcess, fork } from "node:child_process"
import { existsSync } from "node:fs"
import { type CallOptions, type Clock, isPluginError, type Logger } from "@apeiro-cmk/plugin-interface"
import { abortable, pluginError } from "@apeiro-cmk/plugin-sdk"
import type { PreparedClient } from "./luna-client.ts"
import type { RefusedPins } from "./refused-pins.ts"
import type {
  FromToken,
  TokenFailure,
  TokenOperation,
  TokenOperations,
  TokenSettings,
  ToToken,
} from "./token/messages.ts"
import { tokenProcessVariable } from "./token/token-process.ts"

/** What {@link createSupervisedToken} needs. */
export interface SupervisedTokenOptions {
  readonly settings: TokenSettings
  /** What the library finds its tokens by, e.g. `ChrystokiConfigurationPath`. */
  readonly environment: Readonly<Record<string, string>>
  /** Reads it when a process is opened; the bytes are filled with zeros here. */
  readonly pin: (signal: AbortSignal) => Promise<Uint8Array>
  /** Makes what a process needs to itself, e.g. a client configuration; it is removed when the process has ended. */
  readonly prepare: (signal: AbortSignal) => Promise<PreparedClient | undefined>
  readonly refusedPins: RefusedPins
  /** The module of the process. */
  readonly entry: string
  readonly heartbeatMs: number
  /** A process that has not answered a heartbeat for so long is replaced. */
  readonly silenceMs: number
  readonly clock: Clock
  readonly logger: Logger
}

/** A token in a process of its own, which is replaced when it hangs or dies. */
export interface SupervisedToken {
  /** @throws {PluginError} what the token says; TIMED_OUT or CANCELLED by the call; UNREACHABLE - its process is gone */
  ask<Operation extends TokenOperation>(
    operation: Operation,
    request: TokenOperations[Operation]["request"],
    call: Pick<CallOptions, "signal">,
  ): Promise<TokenOperations[Operation]["answer"]>
  /** Whether the process runs and is logged in: else the next question starts it, which takes longer. */
  isOpen(): boolean
  /** Ends the process. Idempotent. */
  close(): void
}

/** What a process needs to run at all. */
const inherited = ["PATH", "HOME", "LANG", "TZ", "TMPDIR"] as const
const spareThreads = 4
const parentDeathHelper = "/usr/bin/setpriv"
const openTimeoutMs = 10_000

interface Running {
  readonly child: ChildProcess
  readonly waiting: Map<number, { resolve(answer: unknown): void; reject(reason: unknown): void }>
  readonly opened: Promise<unknown>
  /** Calls whose callers have given up, and which the token has not answered. */
  readonly abandoned: Set<Promise<unknown>>
  hasEnded: boolean
  isOpen: boolean
  /** Removes what was made for this process. */
  removePrepared?: () => Promise<void>
  stopWatching(): void
}

/** Makes a {@link SupervisedToken}; the process starts with the first question. */
export function createSupervisedToken(options: SupervisedTokenOptions): SupervisedToken {
  const { settings, environment, pin, prepare, refusedPins, entry, heartbeatMs, silenceMs, clock, logger } = options
  let running: Running | undefined
  let lastId = 0
  let isClosed = false

  function start(): Running {
    const kept = inherited.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]]))
    const child = fork(entry, [], {
      ...withParentDeathSignal(),
      serialization: "advanced",
      stdio: ["ignore", "ignore", "ignore", "ipc"],
      env: {
        ...Object.fromEntries(kept),
        ...environment,
        [tokenProcessVariable]: "1",
        UV_THREADPOOL_SIZE: String(settings.sessions + spareThreads),
      },
    })
    const waiting: Running["waiting"] = new Map()
    const started: Running = {
      child,
      waiting,
      opened: Promise.resolve(),
      stopWatching: watch(child, () => replace(started)),
      abandoned: new Set(),
      hasEnded: false,
      isOpen: false,
    }
    child.on("message", (message: FromToken) => settle(waiting, message))
    child.once("exit", (code, signal) => end(started, String(code ?? signal)))
    child.once("error", () => end(started, "could not be started"))
    const opened = openToken(started)
    opened.catch(() => undefined) // each question waits for it, and hears why it failed
    return Object.assign(started, { opened })
  }

  async function openToken(started: Running): Promise<unknown> {
    const signal = AbortSignal.timeout(openTimeoutMs)
    const prepared = await prepare(signal)
    if (prepared !== undefined) started.removePrepared = prepared.remove
    if (started.hasEnded) await prepared?.remove()
    const bytes = await pin(signal)
    try {
      if (refusedPins.has(settings, bytes)) throw pinRefused()
      const request = { settings, pin: bytes, environment: prepared?.environment ?? {} }
      const facts = await abortable(send(started, "open", request), signal)
      started.isOpen = true
      return facts
    } catch (error) {
      if (isPluginError(error) && error.code === "CREDENTIAL_REJECTED") refusedPins.add(settings, bytes)
      throw error
    } finally {
      bytes.fill(0)
    }
  }

  /** Asked before a process is started for nothing. */
  async function requireUntriedPin(signal: AbortSignal): Promise<void> {
    const bytes = await pin(signal)
    try {
      if (refusedPins.has(settings, bytes)) throw pinRefused()
    } finally {
      bytes.fill(0)
    }
  }

  function send(to: Running, operation: TokenOperation, request: unknown): Promise<unknown> {
    lastId += 1
    const id = lastId
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    to.waiting.set(id, { resolve, reject })
    const message: ToToken = { kind: "request", id, operation, request }
    to.child.send(message, (error) => (error === null ? undefined : settleWith(to.waiting, id, gone())))
    return promise
  }

  /** A library that hangs in a synchronous call answers nothing: the process is replaced. */
  function watch(child: ChildProcess, onSilence: () => void): () => void {
    let lastHeardMs = clock.monotonicMs()
    // A process that starts on a busy machine takes its time.
    let limitMs = Math.max(silenceMs, openTimeoutMs)
    let cancel: () => void = () => undefined
    const hear = (message: FromToken) => {
      if (message.kind !== "pong") return
      lastHeardMs = clock.monotonicMs()
      limitMs = silenceMs
    }
    let lastBeatMs = lastHeardMs
    const beat = () => {
      // What this process itself was late by is no silence of the other one: its answers wait to be heard.
      lastHeardMs += Math.max(0, clock.monotonicMs() - lastBeatMs - heartbeatMs)
      lastBeatMs = clock.monotonicMs()
      if (clock.monotonicMs() - lastHeardMs > limitMs) {
        logger.error("the token's process hangs, and is replaced", { partition: settings.label })
        onSilence()
        return
      }
      const ping: ToToken = { kind: "ping", id: 0 }
      if (child.connected) child.send(ping)
      cancel = clock.after(heartbeatMs, beat)
    }
    child.on("message", hear)
    beat()
    return () => cancel()
  }

  function end(ended: Running, how: string): void {
    ended.stopWatching()
    ended.hasEnded = true
    ended.removePrepared?.().catch(() => {
      logger.error("the client configuration of a token's process could not be removed", { partition: settings.label })
    })
    if (running === ended) running = undefined
    if (!isClosed) logger.warn("the token's process ended", { partition: settings.label, how })
    for (const { reject } of ended.waiting.values()) reject(gone())
    ended.waiting.clear()
  }

  return {
    async ask(operation, request, { signal }) {
      if (isClosed) throw closed()
      if (running === undefined) await requireUntriedPin(signal)
      running ??= start()
      const to = running
      const asked = async () => {
        await to.opened.catch((error: unknown) => {
          retire(to)
          throw error
        })
        return send(to, operation, request)
      }
      const answer = asked()
      try {
        // The answer is the one of the operation that was asked.
        return (await abortable(answer, signal)) as TokenOperations[typeof operation]["answer"]
      } finally {
        if (signal.aborted) abandon(to, answer)
      }
    },
    isOpen: () => running?.isOpen === true,
    close() {
      isClosed = true
      if (running?.child.connected === true) running.child.disconnect()
      running?.stopWatching()
      for (const { reject } of running?.waiting.values() ?? []) reject(closed())
      running = undefined
    },
  }

  /** A call that nobody waits for any more still has its session; when that is true of all of them, the process is stuck. */
  function abandon(to: Running, answer: Promise<unknown>): void {
    to.abandoned.add(answer)
    const forget = () => void to.abandoned.delete(answer)
    answer.then(forget, forget)
    if (to.abandoned.size < settings.sessions || running !== to) return
    logger.error("every session with the token is stuck, and its process is replaced", { partition: settings.label })
    replace(to)
  }

  /** The next question goes to a new process; those in flight hear that theirs has ended. */
  function replace(old: Running): void {
    if (running === old) running = undefined
    old.child.kill("SIGKILL")
  }

  /** A token that could not be opened is opened anew by the next question, in a new process. */
  function retire(failed: Running): void {
    if (running !== failed) return
    failed.stopWatching()
    replace(failed)
  }
}

/**
 * On Linux the kernel ends the process with this one: a library that hangs in a synchronous call would not let it see that
 * its host is gone.
 */
function withParentDeathSignal(): { readonly execPath: string; readonly execArgv: string[] } {
  if (process.platform !== "linux" || !existsSync(parentDeathHelper))
    return { execPath: process.execPath, execArgv: [] }
  return { execPath: parentDeathHelper, execArgv: ["--pdeathsig", "KILL", "--", process.execPath] }
}

function settle(waiting: Running["waiting"], message: FromToken): void {
  if (message.kind === "pong") return
  const question = waiting.get(message.id)
  waiting.delete(message.id)
  if (message.kind === "answer") question?.resolve(message.answer)
  else question?.reject(failureError(message.failure))
}

function settleWith(waiting: Running["waiting"], id: number, reason: unknown): void {
  waiting.get(id)?.reject(reason)
  waiting.delete(id)
}

function failureError({ code, message, nextStep, returnValue }: TokenFailure) {
  const shown = returnValue === undefined ? message : `${message} (${returnValue})`
  return pluginError(code, shown, nextStep)
}

function pinRefused() {
  const next = "Correct the PIN of the keystore; have the partition's security officer unlock it if it is locked."
  return pluginError("CREDENTIAL_REJECTED", "The HSM has refused this PIN, which is not tried again.", next)
}

function gone() {
  const next = "It is started again by itself; see why in the HSM's log when it dies again."
  return pluginError("UNREACHABLE", "The process of the HSM's partition ended.", next, {
    origin: "plugin",
    retryable: true,
  })
}

function closed() {
  return pluginError("CANCELLED", "The keystore has been closed.", "Open the keystore again.", { origin: "host" })
}
