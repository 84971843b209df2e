import type { CallOptions } from "@apeiro-cmk/plugin-interface"
import { abortable, abortReason, pluginError } from "@apeiro-cmk/plugin-sdk"
import { SupervisedProcess, type SupervisedProcessOptions } from "./session/supervised-process.ts"
import type { TokenOperation, TokenOperations } from "./token/messages.ts"

/** A token as the keystore uses it. Safe for parallel calls. */
export interface TokenClient {
  /**
   * Has the token do one operation.
   * @throws {PluginError} the token's own failure
   * @throws {PluginError} TIMED_OUT, CANCELLED - the signal fired
   * @throws {PluginError} UNREACHABLE - the token's process ended
   */
  ask<Operation extends TokenOperation>(
    operation: Operation,
    request: TokenOperations[Operation]["request"],
    call: Pick<CallOptions, "signal">,
  ): Promise<TokenOperations[Operation]["answer"]>
  /** Tells whether a process runs and has logged in; otherwise the next operation starts one, which takes longer. */
  isOpen(): boolean
  /** Ends the process, and waits for its end. Idempotent. */
  close(): Promise<void>
}

/** One token in a separate process, which the first operation starts, and which is replaced when it hangs or dies. */
export class SupervisedToken implements TokenClient {
  readonly #options: SupervisedProcessOptions
  #running: SupervisedProcess | undefined
  /** All that have not ended, also those that were replaced. */
  readonly #processes = new Set<SupervisedProcess>()
  #isClosed = false

  constructor(options: SupervisedProcessOptions) {
    this.#options = options
  }

  async ask<Operation extends TokenOperation>(
    operation: Operation,
    request: TokenOperations[Operation]["request"],
    { signal }: Pick<CallOptions, "signal">,
  ): Promise<TokenOperations[Operation]["answer"]> {
    if (signal.aborted) throw abortReason(signal)
    if (this.#isClosed) throw closed()
    // Asked first, so that no process starts only to be refused.
    if (this.#running === undefined) await this.#options.pin.requireUntried(signal)
    if (this.#isClosed) throw closed()
    this.#running ??= this.#start()
    const used = this.#running
    const answer = this.#send(used, operation, request)
    try {
      return await abortable(answer, signal)
    } finally {
      if (signal.aborted) this.#abandon(used, answer)
    }
  }

  isOpen(): boolean {
    return this.#running?.isOpen === true
  }

  async close(): Promise<void> {
    this.#isClosed = true
    const ending = [...this.#processes].map((each) => each.release(closed()))
    this.#running = undefined
    await Promise.all(ending)
  }

  #start(): SupervisedProcess {
    const { settings, logger } = this.#options
    const started = new SupervisedProcess(this.#options, {
      onSilence: (silent) => {
        logger.error("the token's process hangs, and is replaced", { partition: settings.label })
        this.#replace(silent)
      },
      onEnd: (ended, how) => {
        if (this.#running === ended) this.#running = undefined
        if (!this.#isClosed) logger.warn("the token's process ended", { partition: settings.label, how })
      },
    })
    this.#processes.add(started)
    void started.ended.then(() => this.#processes.delete(started))
    return started
  }

  async #send<Operation extends TokenOperation>(
    to: SupervisedProcess,
    operation: Operation,
    request: TokenOperations[Operation]["request"],
  ): Promise<TokenOperations[Operation]["answer"]> {
    try {
      await to.opened
    } catch (error) {
      this.#retire(to)
      throw error
    }
    return to.ask(operation, request)
  }

  /** A call that nobody waits for any more still holds its session; when such calls hold all, the process is stuck. */
  #abandon(used: SupervisedProcess, answer: Promise<unknown>): void {
    if (!used.abandon(answer) || this.#running !== used) return
    const { settings, logger } = this.#options
    logger.error("every session with the token is stuck, and its process is replaced", { partition: settings.label })
    this.#replace(used)
  }

  /** A token that could not be opened is opened again by the next call, in a new process. */
  #retire(failed: SupervisedProcess): void {
    if (this.#running !== failed) return
    failed.stopWatching()
    this.#replace(failed)
  }

  /** The next call goes to a new process; those in flight learn that theirs has ended. */
  #replace(old: SupervisedProcess): void {
    if (this.#running === old) this.#running = undefined
    old.kill()
  }
}

/** Makes the error of a call to a token that its user has closed. */
export function closed() {
  return pluginError("CANCELLED", "The keystore has been closed.", "Open the keystore again.", { origin: "host" })
}
