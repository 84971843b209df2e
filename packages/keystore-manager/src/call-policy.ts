import type { HostCall } from "@apeiro-cmk/audit-log"
import { type CallOptions, type Clock, isCodedError } from "@apeiro-cmk/plugin-interface"
import { abortable, abortReason, callOptions, type RunningCall, toPluginError } from "@apeiro-cmk/plugin-sdk"
import type { HealthBoard } from "./health.ts"
import type { OperationBudgets } from "./operation-budget.ts"
import type { KeystoreRecord } from "./records.ts"

/** How long calls to keystores may take, in milliseconds. */
export interface CallLimits {
  /** One operation. Default 10,000. */
  readonly operationTimeoutMs: number
  /** A whole connection test. Default 30,000. */
  readonly testTimeoutMs: number
}

export const defaultCallLimits: CallLimits = { operationTimeoutMs: 10_000, testTimeoutMs: 30_000 }

/**
 * The one way from the host to a keystore: budget, deadline, measurement and health. Bulkheads, breakers and retries belong here
 * as well, so that no caller has its own.
 */
export interface CallPolicy {
  /**
   * Makes one call to a keystore.
   *
   * @param target - whose budget it takes from and whose health it tells about; undefined for one that is not saved
   * @throws {PluginError} what the plugin rejects with; TIMED_OUT and CANCELLED also when the plugin does not listen
   * @throws {PluginError} THROTTLED - of origin `host`: the budget of the hour is used up
   */
  run<T>(target: KeystoreRecord | undefined, call: CallOptions, work: (options: CallOptions) => Promise<T>): Promise<T>
  /** Options for a connection test, whose deadline is running: `dispose` ends it. */
  beginTest(call: HostCall): RunningCall
}

export function createCallPolicy(
  limits: CallLimits,
  clock: Clock,
  health: HealthBoard,
  budgets: OperationBudgets,
): CallPolicy {
  const begin = (call: CallOptions, limitMs: number): RunningCall =>
    callOptions({ ...call, timeoutMs: Math.min(limitMs, call.deadlineMs - clock.nowMs()), clock })

  return {
    async run(target, call, work) {
      const running = begin(call, limits.operationTimeoutMs)
      let startedMs = clock.monotonicMs()
      try {
        if (running.signal.aborted) throw abortReason(running.signal)
        if (target !== undefined) await abortable(budgets.take(target), running.signal)
        startedMs = clock.monotonicMs()
        const result = await abortable(work(running), running.signal)
        if (target !== undefined) health.noteSuccess(target, clock.monotonicMs() - startedMs)
        return result
      } catch (thrown) {
        const error = asCodedError(thrown)
        if (target !== undefined) health.noteFailure(target, clock.monotonicMs() - startedMs, error)
        throw error
      } finally {
        running.dispose()
      }
    },
    beginTest: (call) => begin(call, limits.testTimeoutMs),
  }
}

/** A plugin lets out only plugin errors; whatever else comes is a fault of the plugin, and its text is not trusted. */
export function asCodedError(error: unknown): Error {
  if (isCodedError(error)) return error
  return toPluginError(error, {
    code: "INTERNAL",
    message: "The plugin failed in a way that it does not declare.",
    nextStep: "Report this to the maintainers of the plugin.",
  })
}
