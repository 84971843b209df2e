import { type CallOptions, type Clock, isPluginError, type Logger } from "@apeiro-cmk/plugin-interface"
import { abortable, pluginError, withDeadline } from "@apeiro-cmk/plugin-sdk"
import type { TokenClient } from "./client.ts"
import type { TokenOperation, TokenOperations } from "./token/messages.ts"

/** One appliance: its address is for people, the token is found by its serial number. */
export interface Appliance {
  readonly address: string
  readonly token: TokenClient
}

/** How an appliance is doing. */
export interface ApplianceState {
  readonly address: string
  readonly state: "online" | "standby" | "failed"
}

/** Options of {@link Appliances}. */
export interface AppliancesOptions {
  /** In the order of preference. */
  readonly appliances: readonly Appliance[]
  readonly keyLabel: string
  /** Longest time for one appliance before the next is asked, in milliseconds. */
  readonly tryTimeoutMs: number
  /** How often a failed appliance is checked, in milliseconds. */
  readonly recoveryMs: number
  /** An appliance that has been idle for this long is checked, in milliseconds. */
  readonly keepAliveMs: number
  readonly clock: Clock
  readonly logger: Logger
}

/** Longest time for an appliance whose process has to start and log in first, in milliseconds. */
const startTimeoutMs = 5_000

/** Checks in a row that must pass before an appliance serves again, so that one that comes and goes is left alone. */
const provenAfter = 3

/** Operations that change something: they are never sent to a second appliance. */
const askedOnce: readonly TokenOperation[] = ["generate", "rotate", "destroy"]

/** Several appliances with the same key: one serves, the others stand by. Touches no token until the first call. */
export class Appliances implements TokenClient {
  readonly #options: AppliancesOptions
  readonly #usedAtMs: number[]
  /** Checks that a failed appliance has passed in a row; absent for one that has not failed. */
  readonly #recovering = new Map<number, number>()
  #cancelRecovery: (() => void) | undefined
  #cancelKeepAlive: (() => void) | undefined
  #isClosed = false

  constructor(options: AppliancesOptions) {
    this.#options = options
    this.#usedAtMs = options.appliances.map(() => Number.NEGATIVE_INFINITY)
  }

  async ask<Operation extends TokenOperation>(
    operation: Operation,
    request: TokenOperations[Operation]["request"],
    call: Pick<CallOptions, "signal">,
  ): Promise<TokenOperations[Operation]["answer"]> {
    const order = this.#order()
    for (const [position, index] of order.entries()) {
      const isLast = position === order.length - 1 || askedOnce.includes(operation)
      try {
        return await abortable(this.#try(index, operation, request, call, isLast), call.signal)
      } catch (error) {
        if (isFailure(error)) this.#fail(index)
        if (isLast || call.signal.aborted || !isFailure(error)) throw error
      }
    }
    throw pluginError("UNREACHABLE", "The keystore has no appliance.", "Check hsm_ip_addresses.")
  }

  /** Has one appliance do an operation, whichever of them serves. @throws {PluginError} as {@link TokenClient.ask} */
  askOne<Operation extends TokenOperation>(
    index: number,
    operation: Operation,
    request: TokenOperations[Operation]["request"],
    call: Pick<CallOptions, "signal">,
  ): Promise<TokenOperations[Operation]["answer"]> {
    return this.#at(index).token.ask(operation, request, call)
  }

  /** The appliances in the order of preference, each with its state. */
  states(): readonly ApplianceState[] {
    const first = this.#serving()
    return this.#options.appliances.map(({ address }, index) => {
      if (this.#recovering.has(index)) return { address, state: "failed" }
      return { address, state: index === first ? "online" : "standby" }
    })
  }

  isOpen(): boolean {
    return this.#options.appliances[Math.max(this.#serving(), 0)]?.token.isOpen() === true
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#cancelRecovery?.()
    this.#cancelKeepAlive?.()
    await Promise.all(this.#options.appliances.map(({ token }) => token.close()))
  }

  /** Where all have failed each of them is asked once more, since one may be back. */
  #order(): readonly number[] {
    const all = [...this.#options.appliances.keys()]
    const healthy = all.filter((index) => !this.#recovering.has(index))
    return healthy.length > 0 ? healthy : all
  }

  #serving(): number {
    return this.#options.appliances.findIndex((_each, index) => !this.#recovering.has(index))
  }

  #at(index: number): Appliance {
    const appliance = this.#options.appliances[index]
    if (appliance === undefined) throw new Error(`there is no appliance ${index}`)
    return appliance
  }

  async #try<Operation extends TokenOperation>(
    index: number,
    operation: Operation,
    request: TokenOperations[Operation]["request"],
    outer: Pick<CallOptions, "signal">,
    isLast: boolean,
  ): Promise<TokenOperations[Operation]["answer"]> {
    const { clock, tryTimeoutMs } = this.#options
    const { token } = this.#at(index)
    this.#usedAtMs[index] = clock.monotonicMs()
    this.#keepAlive()
    if (isLast) return token.ask(operation, request, outer)
    const timeoutMs = token.isOpen() ? tryTimeoutMs : Math.max(tryTimeoutMs, startTimeoutMs)
    const deadline = withDeadline(outer.signal, timeoutMs, clock)
    try {
      return await token.ask(operation, request, deadline)
    } finally {
      deadline.dispose()
    }
  }

  #fail(index: number): void {
    if (this.#isClosed || this.#recovering.has(index)) return
    this.#options.logger.warn("an appliance failed", { address: this.#at(index).address })
    this.#recovering.set(index, 0)
    this.#scheduleRecovery()
  }

  #scheduleRecovery(): void {
    const { clock, recoveryMs } = this.#options
    this.#cancelRecovery ??= clock.after(recoveryMs, () => void this.#recover())
  }

  /** Checks the failed appliances while calls go on. */
  async #recover(): Promise<void> {
    this.#cancelRecovery = undefined
    for (const [index, passed] of [...this.#recovering]) {
      const isBack = (await this.#check(index)) === undefined
      if (isBack && passed + 1 >= provenAfter) {
        this.#recovering.delete(index)
        this.#options.logger.info("an appliance is back", { address: this.#at(index).address })
      } else this.#recovering.set(index, isBack ? passed + 1 : 0)
    }
    if (this.#recovering.size > 0 && !this.#isClosed) this.#scheduleRecovery()
  }

  /**
   * Checks every idle appliance, beginning with the first call: so that one that stands by has logged in before it is
   * needed, and no firewall on the way drops an idle connection.
   */
  #keepAlive(): void {
    if (!this.#isClosed) this.#cancelKeepAlive ??= this.#options.clock.after(0, () => void this.#checkIdle())
  }

  async #checkIdle(): Promise<void> {
    const { appliances, clock, keepAliveMs } = this.#options
    for (const index of appliances.keys()) {
      const idleMs = clock.monotonicMs() - (this.#usedAtMs[index] ?? 0)
      if (idleMs < keepAliveMs || this.#recovering.has(index) || this.#isClosed) continue
      this.#usedAtMs[index] = clock.monotonicMs()
      const failure = await this.#check(index)
      // A single appliance that refuses has answered; of several, one that refuses cannot take over.
      if (failure !== undefined && (isFailure(failure) || appliances.length > 1)) this.#fail(index)
    }
    if (!this.#isClosed) this.#cancelKeepAlive = clock.after(keepAliveMs, () => void this.#checkIdle())
  }

  /** Does a round trip with one appliance. @returns why it cannot serve; `undefined` when it can */
  async #check(index: number): Promise<unknown> {
    const { clock, keyLabel, tryTimeoutMs } = this.#options
    const deadline = withDeadline(undefined, Math.max(tryTimeoutMs, startTimeoutMs), clock)
    try {
      const { token } = this.#at(index)
      const associatedData = new TextEncoder().encode("apeiro-cmk/recovery")
      const sample = { keyLabel, plaintext: new Uint8Array(32), associatedData }
      const { ciphertext, version } = await token.ask("encrypt", sample, deadline)
      await token.ask("decrypt", { keyLabel, version, ciphertext, associatedData }, deadline)
      return undefined
    } catch (error) {
      return error
    } finally {
      deadline.dispose()
    }
  }
}

/** Tells whether an appliance is out of reach or does not answer; a refusal is an answer. */
function isFailure(error: unknown): boolean {
  return isPluginError(error) && (error.code === "UNREACHABLE" || error.code === "TIMED_OUT")
}
