import type { ChildProcess } from "node:child_process"
import type { Clock, Logger } from "@apeiro-cmk/plugin-interface"
import { abortable, pluginError } from "@apeiro-cmk/plugin-sdk"
import type {
  FromToken,
  OperationRequest,
  TokenFailure,
  TokenOperation,
  TokenOperations,
  TokenSettings,
  ToToken,
} from "../token/messages.ts"
import { forkTokenProcess } from "./fork-token-process.ts"
import { Heartbeat } from "./heartbeat.ts"
import type { LoginPin } from "./login-pin.ts"
import type { PreparedClient } from "./luna-client.ts"

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

/** One process of a token, from its start to its end. */
export class SupervisedProcess {
  /** Resolves when the process has logged in; rejects with the `PluginError` that says why it could not. */
  readonly opened: Promise<void>
  readonly #options: SupervisedProcessOptions
  readonly #events: ProcessEvents
  readonly #child: ChildProcess
  readonly #heartbeat: Heartbeat
  readonly #waiting = new Map<number, Question>()
  /** Calls whose callers have given up, and which the token has not answered. */
  readonly #abandoned = new Set<Promise<unknown>>()
  #prepared: PreparedClient | undefined
  #lastId = 0
  #hasEnded = false
  #isOpen = false

  /** Starts the process and logs in. */
  constructor(options: SupervisedProcessOptions, events: ProcessEvents) {
    const { entry, environment, settings, heartbeatMs, silenceMs, clock } = options
    this.#options = options
    this.#events = events
    this.#child = forkTokenProcess(entry, environment, settings)
    this.#child.on("message", (message: FromToken) => this.#receive(message))
    this.#child.once("exit", (code, signal) => this.#end(String(code ?? signal)))
    this.#child.once("error", () => this.#end("could not be started"))
    this.#heartbeat = new Heartbeat({
      ...{ intervalMs: heartbeatMs, silenceMs, startTimeoutMs: openTimeoutMs, clock },
      ping: () => this.#ping(),
      onSilence: () => events.onSilence(this),
    })
    this.opened = this.#open()
    this.opened.catch(() => undefined) // each call waits for `opened`, and receives the failure there
  }

  /** Whether the process has logged in. */
  get isOpen(): boolean {
    return this.#isOpen
  }

  /** Sends one operation. @throws {PluginError} the token's own failure; UNREACHABLE - the process ended */
  send<Operation extends TokenOperation>(
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

  /** Lets the process end on its own, and rejects the calls in flight with `reason` at once. */
  release(reason: unknown): void {
    if (this.#child.connected) this.#child.disconnect()
    this.stopWatching()
    this.#rejectAll(reason)
  }

  async #open(): Promise<void> {
    const { pin, prepare, settings } = this.#options
    const signal = AbortSignal.timeout(openTimeoutMs)
    this.#prepared = await prepare(signal)
    if (this.#hasEnded) await this.#prepared?.remove()
    const environment = this.#prepared?.environment ?? {}
    await pin.use(signal, async (bytes) => {
      await abortable(this.send("open", { settings, pin: bytes, environment }), signal)
      this.#isOpen = true
    })
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
    else question?.reject(failureError(message.failure))
  }

  #take(id: number): Question | undefined {
    const question = this.#waiting.get(id)
    this.#waiting.delete(id)
    return question
  }

  #end(how: string): void {
    const { logger, settings } = this.#options
    this.stopWatching()
    this.#hasEnded = true
    this.#prepared?.remove().catch(() => {
      logger.error("cannot remove the client configuration of a token's process", { partition: settings.label })
    })
    this.#events.onEnd(this, how)
    this.#rejectAll(gone())
  }

  #rejectAll(reason: unknown): void {
    for (const { reject } of this.#waiting.values()) reject(reason)
    this.#waiting.clear()
  }
}

function failureError({ code, message, nextStep, returnValue }: TokenFailure) {
  const shown = returnValue === undefined ? message : `${message} (${returnValue})`
  return pluginError(code, shown, nextStep)
}

function gone() {
  const next = "Call again: the process starts again with the next call; if it keeps ending, look at the HSM's log."
  return pluginError("UNREACHABLE", "The process of the HSM's partition ended.", next, {
    origin: "plugin",
    retryable: true,
  })
}
