import { type CallOptions, type Clock, isPluginError, type PluginError } from "@apeiro-cmk/plugin-interface"
import { pluginError } from "../errors/error-facts.ts"
import { systemClock } from "../services/clock.ts"

/** A signal that fires when its time is over or its parent fires, and the means to cancel it. */
export interface Deadline {
  /** Its reason is a `PluginError`: `TIMED_OUT`, `CANCELLED`, or the parent's own where that is a `PluginError`. */
  readonly signal: AbortSignal
  /** When it fires: wall clock, milliseconds since the Unix epoch. */
  readonly deadlineMs: number
  /** Stops the timer and releases the parent; the signal never fires afterwards. Idempotent. */
  dispose(): void
}

/**
 * Bounds a piece of work by time and by its parent. Call `dispose` when the work has ended.
 *
 * @param parent - the caller's signal, where there is one
 * @param timeoutMs - from now; zero or less fires at once
 */
export function withDeadline(parent: AbortSignal | undefined, timeoutMs: number, clock: Clock = systemClock): Deadline {
  const controller = new AbortController()
  const deadlineMs = clock.nowMs() + timeoutMs
  const onParent = () => {
    dispose()
    if (parent !== undefined) controller.abort(abortReason(parent))
  }
  const onTime = () => {
    dispose()
    controller.abort(
      pluginError(
        "TIMED_OUT",
        `No answer within ${timeoutMs} ms.`,
        "Try again; if it recurs, check the keystore's load.",
      ),
    )
  }
  let cancelTimer: (() => void) | undefined
  const dispose = () => {
    cancelTimer?.()
    parent?.removeEventListener("abort", onParent)
  }
  if (parent?.aborted) onParent()
  else if (timeoutMs <= 0) onTime()
  else {
    parent?.addEventListener("abort", onParent, { once: true })
    cancelTimer = clock.after(timeoutMs, onTime)
  }
  return { signal: controller.signal, deadlineMs, dispose }
}

/** Arguments of {@link callOptions}. A call within another one passes the members of that: `{ ...call, timeoutMs }`. */
export interface CallSettings extends Omit<CallOptions, "signal" | "deadlineMs"> {
  /** Longest time for the call, in milliseconds. */
  readonly timeoutMs: number
  /** The caller's own signal. */
  readonly signal?: AbortSignal
  readonly clock?: Clock
}

/** {@link CallOptions} with a deadline that is running: call `dispose` when the call has ended. */
export interface RunningCall extends CallOptions {
  dispose(): void
}

/** Makes the options of one call to a plugin and starts its deadline. */
export function callOptions(settings: CallSettings): RunningCall {
  const { tenantId, requestId, keystoreId, traceparent, purpose, timeoutMs, signal, clock } = settings
  return {
    ...withDeadline(signal, timeoutMs, clock),
    tenantId,
    requestId,
    ...(keystoreId === undefined ? {} : { keystoreId }),
    ...(traceparent === undefined ? {} : { traceparent }),
    ...(purpose === undefined ? {} : { purpose }),
  }
}

/**
 * Returns the reason of a signal that has fired, as a `PluginError`. A foreign reason becomes `TIMED_OUT` when it comes
 * from `AbortSignal.timeout`, else `CANCELLED`.
 */
export function abortReason(signal: AbortSignal): PluginError {
  const reason: unknown = signal.reason
  if (isPluginError(reason)) return reason
  if (reason instanceof DOMException && reason.name === "TimeoutError") {
    return pluginError("TIMED_OUT", "The caller's time ran out.", "Try again with a longer time-out.")
  }
  return pluginError("CANCELLED", "The caller gave up.", "Call again when the answer is wanted.")
}

/**
 * Waits for work, or for a signal, whichever is first. When the signal wins, it rejects with {@link abortReason} at
 * once, and the outcome of the work is dropped: use it for work that ignores the signal.
 *
 * @throws {PluginError} the reason of `signal`
 */
export async function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let onAbort: (() => void) | undefined
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => reject(abortReason(signal))
    if (signal.aborted) onAbort()
    else signal.addEventListener("abort", onAbort, { once: true })
  })
  try {
    return await Promise.race([aborted, work])
  } finally {
    if (onAbort !== undefined) signal.removeEventListener("abort", onAbort)
  }
}
