import { type CallOptions, type Clock, isPluginError, type Logger } from "@apeiro-cmk/plugin-interface"
import { abortable, callOptions, pluginError } from "@apeiro-cmk/plugin-sdk"
import type { SupervisedToken } from "./client.ts"
import type { TokenOperation, TokenOperations } from "./token/messages.ts"

/** One appliance: its address is for people, the token is found by its serial number. */
export interface Appliance {
  readonly address: string
  readonly token: SupervisedToken
}

/** How an appliance is doing. */
export interface ApplianceState {
  readonly address: string
  readonly state: "online" | "standby" | "failed"
}

/** Several appliances that hold the same key: one serves, the others stand by. */
export interface Appliances extends SupervisedToken {
  states(): readonly ApplianceState[]
  /** Asks one appliance, whichever serves. */
  askOne<Operation extends TokenOperation>(
    index: number,
    operation: Operation,
    request: TokenOperations[Operation]["request"],
    call: Pick<CallOptions, "signal">,
  ): Promise<TokenOperations[Operation]["answer"]>
}

/** What {@link createAppliances} needs. */
export interface AppliancesOptions {
  /** In the order of preference. */
  readonly appliances: readonly Appliance[]
  readonly keyLabel: string
  /** Longest time for one appliance before the next is asked, in milliseconds. */
  readonly tryTimeoutMs: number
  /** How often an appliance that failed is looked at again, in milliseconds. */
  readonly recoveryMs: number
  /** An appliance that was not used for so long is looked at, in milliseconds. */
  readonly keepAliveMs: number
  readonly clock: Clock
  readonly logger: Logger
}

/** Longest time for one whose process has to start and log in first, in milliseconds. */
const startTimeoutMs = 5_000

/** So many looks in a row must succeed before an appliance serves again: one that comes and goes must not be followed. */
const provenAfter = 3

/** These change something, and are not asked of two appliances. */
const askedOnce: readonly TokenOperation[] = ["generate", "rotate", "destroy"]

/** Makes {@link Appliances}; touches no token. */
export function createAppliances(options: AppliancesOptions): Appliances {
  const { appliances, keyLabel, tryTimeoutMs, recoveryMs, keepAliveMs, clock, logger } = options
  /** Looks that succeeded since an appliance failed; absent: it has not. */
  const recovering = new Map<number, number>()
  let isClosed = false
  let cancelLook: (() => void) | undefined
  const usedAtMs = appliances.map(() => Number.NEGATIVE_INFINITY)
  let cancelKeepAlive: (() => void) | undefined

  const serving = () => appliances.findIndex((_each, index) => !recovering.has(index))

  async function tried<Operation extends TokenOperation>(
    index: number,
    operation: Operation,
    request: TokenOperations[Operation]["request"],
    outer: Pick<CallOptions, "signal">,
    isLast: boolean,
  ) {
    usedAtMs[index] = clock.monotonicMs()
    keepAlive()
    if (isLast) return tokenOf(index).ask(operation, request, outer)
    const token = tokenOf(index)
    const timeoutMs = token.isOpen() ? tryTimeoutMs : Math.max(tryTimeoutMs, startTimeoutMs)
    const call = callOptions({ tenantId: "", timeoutMs, signal: outer.signal, clock })
    try {
      return await token.ask(operation, request, call)
    } finally {
      call.dispose()
    }
  }

  function tokenOf(index: number): SupervisedToken {
    const token = appliances[index]?.token
    if (token === undefined) throw new Error(`there is no appliance ${index}`)
    return token
  }

  function fail(index: number): void {
    if (isClosed || recovering.has(index)) return
    const address = appliances[index]?.address ?? ""
    logger.warn("an appliance failed", { address })
    recovering.set(index, 0)
    cancelLook ??= clock.after(recoveryMs, () => void look())
  }

  /** Looks at what has failed, beside the calls. */
  async function look(): Promise<void> {
    cancelLook = undefined
    for (const [index, successes] of [...recovering]) {
      const isBack = (await lookAt(index)) === undefined
      if (isBack && successes + 1 >= provenAfter) {
        recovering.delete(index)
        logger.info("an appliance is back", { address: appliances[index]?.address ?? "" })
      } else recovering.set(index, isBack ? successes + 1 : 0)
    }
    if (recovering.size > 0 && !isClosed) cancelLook = clock.after(recoveryMs, () => void look())
  }

  /**
   * Looks at every appliance that is not in use: so that the one that stands by has logged in before it is needed, and no
   * firewall on the way forgets an idle connection. Begins with the first call.
   */
  function keepAlive(): void {
    if (!isClosed) cancelKeepAlive ??= clock.after(0, () => void lookAtIdle())
  }

  async function lookAtIdle(): Promise<void> {
    for (const index of appliances.keys()) {
      const idleMs = clock.monotonicMs() - (usedAtMs[index] ?? 0)
      if (idleMs < keepAliveMs || recovering.has(index) || isClosed) continue
      usedAtMs[index] = clock.monotonicMs()
      const failure = await lookAt(index)
      // Where there is one alone, a refusal is an answer; of several, one that refuses cannot take over.
      if (failure !== undefined && (isFailure(failure) || appliances.length > 1)) fail(index)
    }
    if (!isClosed) cancelKeepAlive = clock.after(keepAliveMs, () => void lookAtIdle())
  }

  /** @returns why it does not serve; nothing when it does */
  async function lookAt(index: number): Promise<unknown> {
    const call = callOptions({ tenantId: "", timeoutMs: Math.max(tryTimeoutMs, startTimeoutMs), clock })
    try {
      const sample = new Uint8Array(32)
      const associatedData = new TextEncoder().encode("apeiro-cmk/recovery")
      const token = tokenOf(index)
      const { ciphertext, version } = await token.ask("encrypt", { keyLabel, plaintext: sample, associatedData }, call)
      await token.ask("decrypt", { keyLabel, version, ciphertext, associatedData }, call)
      return undefined
    } catch (error) {
      return error
    } finally {
      call.dispose()
    }
  }

  return {
    async ask(operation, request, call) {
      const healthy = appliances.map((_each, index) => index).filter((index) => !recovering.has(index))
      // Where all have failed each of them is asked once more: one may be back.
      const order = healthy.length > 0 ? healthy : appliances.map((_each, index) => index)
      for (const [position, index] of order.entries()) {
        const isLast = position === order.length - 1 || askedOnce.includes(operation)
        try {
          return await abortable(tried(index, operation, request, call, isLast), call.signal)
        } catch (error) {
          if (isFailure(error)) fail(index)
          if (isLast || call.signal.aborted || !isFailure(error)) throw error
        }
      }
      throw pluginError("UNREACHABLE", "There is no appliance.", "Check hsm_ip_addresses.")
    },
    askOne: (index, operation, request, call) => tokenOf(index).ask(operation, request, call),
    states() {
      const first = serving()
      return appliances.map(({ address }, index) => {
        if (recovering.has(index)) return { address, state: "failed" }
        return { address, state: index === first ? "online" : "standby" }
      })
    },
    isOpen: () => appliances[Math.max(serving(), 0)]?.token.isOpen() === true,
    close() {
      isClosed = true
      cancelLook?.()
      cancelKeepAlive?.()
      for (const { token } of appliances) token.close()
    },
  }
}

/** An appliance that cannot be reached or does not answer; a refusal is an answer. */
function isFailure(error: unknown): boolean {
  return isPluginError(error) && (error.code === "UNREACHABLE" || error.code === "TIMED_OUT")
}
