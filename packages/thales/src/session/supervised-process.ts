import type { ChildProcess } from "node:child_process"
import type { Clock, Logger } from "@apeiro-cmk/plugin-interface"
import { abortable, pluginError, singleFlight } from "@apeiro-cmk/plugin-sdk"
import type {
  FromToken,
  OperationRequest,
  TokenOperation,
  TokenOperations,
  TokenSettings,
  ToToken,
} from "../token/messages.ts"
import { forkTokenProcess } from "./fork-token-process.ts"
import { Heartbeat } from "./heartbeat.ts"
import type { LoginPin } from "./login-pin.ts"
import type { PreparedClient } from "./luna-client.ts"
import { asPluginError, TokenRejection } from "./token-rejection.ts"

/** Options of a {@link SupervisedProcess}. */
export interface SupervisedProcessOptions {
  readonly settings: TokenSettings
  /** Variables by which the library finds its tokens, e.g. `ChrystokiConfigurationPath`. */
  readonly environment: Readonly<Record<string, string>>
  readonly pin: LoginPin
  /** Makes what one process needs to itself, e.g. a client configuration; it is removed when the process has ended. */
  readonly prepare: (signal: AbortSignal) => Promise<PreparedClient | undefined>
  /** Path of the module that the process runs. */
  readonly entry: string
  readonly heartbeatMs: number
  /** A process that has not answered a heartbeat for this long counts as hanging. */
  readonly silenceMs: number
  readonly clock: Clock
  readonly logger: Logger
}

/** Called when the process hangs, and when it has ended. */
export interface ProcessEvents {
  readonly onSilence: (process: SupervisedProcess) => void
  /** @param how - exit code, signal, or why it did not start */
  readonly onEnd: (process: SupervisedProcess, how: string) => void
}

interface Question {
  resolve(answer: unknown): void
  reject(reason: unknown): void
}

const openTimeoutMs = 10_000

/** How long a process may take to end after SIGTERM before SIGKILL follows: a library may block the former. */
const endGraceMs = 500

/** One process of a token, from its start to its end. */
export class SupervisedProcess {
  /** Resolves when the process has logged in; rejects with the `PluginError` that says why it could not. */
  readonly opened: Promise<void>
  /** Resolves when the process has ended, and what was prepared for it is removed. */
  readonly ended: Promise<void>
  readonly #options: SupervisedProcessOptions
  readonly #events: ProcessEvents
  readonly #child: ChildProcess
  readonly #heartbeat: Heartbeat
  readonly #waiting = new Map<number, Question>()
  /** Calls whose callers have given up, and which the token has not answered. */
  readonly #abandoned = new Set<Promise<unknown>>()
  readonly #prepared: Promise<PreparedClient | undefined>
  readonly #logIn = singleFlight((signal: AbortSignal) => this.#logInOnce(signal))
  #lastId = 0
  #isOpen = false

  /** Starts the process and logs in. */
  constructor(options: SupervisedProcessOptions, events: ProcessEvents) {
    const { entry, environment, prepare, settings, heartbeatMs, silenceMs, clock } = options
    this.#options = options
    this.#events = events
    this.#child = forkTokenProcess(entry, environment, settings)
    this.#child.on("message", (message: FromToken) => this.#receive(message))
    this.#prepared = prepare(AbortSignal.timeout(openTimeoutMs))
    this.ended = this.#whenEnded()
    this.#heartbeat = new Heartbeat({
      ...{ intervalMs: heartbeatMs, silenceMs, startTimeoutMs: openTimeoutMs, clock },
      ping: () => this.#ping(),
      onSilence: () => events.onSilence(this),
    })
    this.opened = this.#logIn(AbortSignal.timeout(openTimeoutMs)).catch((error: unknown) => {
      throw asPluginError(error)
    })
    this.opened.catch(() => undefined) // each call waits for `opened`, and receives the failure there
  }

  /** Whether the process has logged in. */
  get isOpen(): boolean {
    return this.#isOpen
  }

  /**
   * Has the token do one operation, and logs in again where the last login has ended.
   * @throws {PluginError} the token's own failure; UNREACHABLE - the process ended
   */
  async ask<Operation extends TokenOperation>(
    operation: Operation,
    request: TokenOperations[Operation]["request"],
  ): Promise<TokenOperations[Operation]["answer"]> {
    try {
      return await this.#sendTwice(operation, request)
    } catch (error) {
      throw asPluginError(error)
    }
  }

  async #sendTwice<Operation extends TokenOperation>(
    operation: Operation,
    request: TokenOperations[Operation]["request"],
  ): Promise<TokenOperations[Operation]["answer"]> {
    try {
      return await this.#send(operation, request)
    } catch (error) {
      if (!(error instanceof TokenRejection) || error.failure.needsLogin !== true) throw error
      await this.#logIn(AbortSignal.timeout(openTimeoutMs))
      return this.#send(operation, request)
    }
  }

  #send<Operation extends TokenOperation>(
    operation: Operation,
    request: TokenOperations[Operation]["request"],
  ): Promise<TokenOperations[Operation]["answer"]> {
    this.#lastId += 1
    const id = this.#lastId
    const { promise, resolve, reject } = Promise.withResolvers<TokenOperations[Operation]["answer"]>()
    this.#waiting.set(id, { resolve, reject })
    const message: OperationRequest<Operation> = { kind: "request", id, operation, request }
    this.#child.send(message, (error) => {
      if (error !== null) this.#take(id)?.reject(gone())
    })
    return promise
  }

  /**
   * Notes a call that nobody waits for any more: it keeps its session until the token answers.
   * @returns whether such calls hold every session, so that the process is stuck
   */
  abandon(answer: Promise<unknown>): boolean {
    this.#abandoned.add(answer)
    const forget = () => void this.#abandoned.delete(answer)
    answer.then(forget, forget)
    return this.#abandoned.size >= this.#options.settings.sessions
  }

  /** Stops watching for silence. */
  stopWatching(): void {
    this.#heartbeat.stop()
  }

  /** Kills the process; the calls in flight reject with UNREACHABLE when it has ended. */
  kill(): void {
    this.#child.kill("SIGKILL")
  }

  /** Ends the process, and rejects the calls in flight with `reason` at once. Resolves as {@link ended} does. */
  async release(reason: unknown): Promise<void> {
    this.stopWatching()
    this.#rejectAll(reason)
    this.#child.kill("SIGTERM")
    const cancelKill = this.#options.clock.after(endGraceMs, () => this.kill())
    await this.ended
    cancelKill()
  }

  async #logInOnce(signal: AbortSignal): Promise<void> {
    const { pin, settings } = this.#options
    const environment = (await this.#prepared)?.environment ?? {}
    const located = await abortable(this.#send("locate", { settings, environment }), signal)
    if (!located.isLoggedIn) {
      await pin.use(located.identity, signal, async (bytes) => {
        await abortable(this.#send("open", { pin: bytes }), signal)
      })
    }
    this.#isOpen = true
  }

  #ping(): void {
    const message: ToToken = { kind: "ping", id: 0 }
    if (this.#child.connected) this.#child.send(message)
  }

  #receive(message: FromToken): void {
    if (message.kind === "pong") {
      this.#heartbeat.hear()
      return
    }
    const question = this.#take(message.id)
    if (message.kind === "answer") question?.resolve(message.answer)
    else question?.reject(new TokenRejection(message.failure))
  }

  #take(id: number): Question | undefined {
    const question = this.#waiting.get(id)
    this.#waiting.delete(id)
    return question
  }

  async #whenEnded(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<string>()
    this.#child.once("exit", (code, signal) => resolve(String(code ?? signal)))
    // One that runs emits errors of its channel too; its end follows.
    this.#child.on("error", () => (this.#child.pid === undefined ? resolve("could not be started") : this.kill()))
    const how = await promise
    this.stopWatching()
    this.#events.onEnd(this, how)
    this.#rejectAll(gone())
    const prepared = await this.#prepared.catch(() => undefined) // `opened` says why there is none
    await prepared?.remove().catch(() => {
      const { logger, settings } = this.#options
      logger.error("cannot remove the client configuration of a token's process", { partition: settings.label })
    })
  }

  #rejectAll(reason: unknown): void {
    for (const { reject } of this.#waiting.values()) reject(reason)
    this.#waiting.clear()
  }
}

function gone() {
  const next = "Call again: the process starts again with the next call; if it keeps ending, look at the HSM's log."
  return pluginError("UNREACHABLE", "The process of the HSM's partition ended.", next, {
    origin: "plugin",
    retryable: true,
  })
}
