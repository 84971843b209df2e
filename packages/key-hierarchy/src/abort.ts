import type { HostCall } from "@apeiro-cmk/audit-log"
import type { Clock } from "@apeiro-cmk/plugin-interface"
import { abortReason, withDeadline } from "@apeiro-cmk/plugin-sdk"

/**
 * Waits for work until a signal fires, also where the work does not heed the signal.
 *
 * @param discard - gets a result that comes too late, to fill it with zeros
 * @throws {PluginError} the reason of `signal`
 */
export function untilAborted<T>(work: Promise<T>, signal: AbortSignal, discard: (late: T) => void): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    let abandoned = false
    const abandon = () => {
      abandoned = true
      reject(abortReason(signal))
    }
    if (signal.aborted) abandon()
    else signal.addEventListener("abort", abandon, { once: true })
    const settle = () => signal.removeEventListener("abort", abandon)
    work.then(
      (result) => {
        settle()
        if (abandoned) discard(result)
        else resolve(result)
      },
      (error: unknown) => {
        settle()
        // After `abandon` this has no effect: the caller has its reason already.
        reject(error)
      },
    )
  })
}

/** Refuses a call whose caller has given up already. */
export function throwIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw abortReason(signal)
}

/**
 * A call on behalf of several callers: none of them can cancel it, and it ends by itself.
 *
 * @param cause - the call that gave rise to it, for the trace
 * @param closing - ends it early
 */
export function sharedCall(
  cause: HostCall,
  timeoutMs: number,
  clock: Clock,
  closing: AbortSignal,
): { readonly call: HostCall; readonly done: () => void } {
  const { signal, deadlineMs, dispose } = withDeadline(closing, timeoutMs, clock)
  const call: HostCall = {
    signal,
    deadlineMs,
    tenantId: cause.tenantId,
    actor: { type: "host", id: "key-hierarchy" },
    requestId: cause.requestId,
    ...(cause.traceparent === undefined ? {} : { traceparent: cause.traceparent }),
  }
  return { call, done: dispose }
}
