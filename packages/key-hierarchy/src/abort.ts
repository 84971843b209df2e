import type { HostCall } from "@apeiro-cmk/host-call"
import type { Clock } from "@apeiro-cmk/plugin-interface"
import { abortReason, withDeadline } from "@apeiro-cmk/plugin-sdk"

/**
 * Waits for work until a signal fires, even where the work ignores the signal.
 *
 * @param discard - receives a result that comes too late, to fill it with zeros
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
        // After `abandon` this has no effect: the caller already has its reason.
        reject(error)
      },
    )
  })
}

/** Refuses a call whose caller has already given up. @throws {PluginError} the reason of `signal` */
export function throwIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw abortReason(signal)
}

/**
 * Makes a call on behalf of several callers: none of them can cancel it, and it has its own deadline.
 *
 * @param cause - the call that started it; request id and trace stay
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
