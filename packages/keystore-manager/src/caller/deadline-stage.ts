import type { Clock } from "@apeiro-cmk/plugin-interface"
import { abortReason, callOptions } from "@apeiro-cmk/plugin-sdk"
import type { CallStage, KeystoreAttempt } from "./call-stage.ts"

/** Gives each attempt its deadline, and names its keystore in the options. Refuses a call whose caller has given up. */
export class DeadlineStage implements CallStage {
  readonly #clock: Clock

  constructor(clock: Clock) {
    this.#clock = clock
  }

  async run<T>(attempt: KeystoreAttempt, next: (attempt: KeystoreAttempt) => Promise<T>): Promise<T> {
    const { options, record, limitMs } = attempt
    const running = callOptions({
      ...options,
      ...(record === undefined ? {} : { keystoreId: record.keystoreId }),
      timeoutMs: Math.min(limitMs, options.deadlineMs - this.#clock.nowMs()),
      clock: this.#clock,
    })
    try {
      if (running.signal.aborted) throw abortReason(running.signal)
      return await next({ ...attempt, options: running })
    } finally {
      running.dispose()
    }
  }
}
