import type { Clock } from "@apeiro-cmk/plugin-interface"
import type { KeystoreTarget } from "../keystore-target.ts"
import type { CallStage, KeystoreAttempt } from "./call-stage.ts"

/** Receives the outcome and the latency of each call to a saved keystore. */
export interface CallObserver {
  noteSuccess(target: KeystoreTarget, latencyMs: number): void
  noteFailure(target: KeystoreTarget, latencyMs: number, error: unknown): void
}

/** Measures what the keystore itself takes, and reports it to the observers. A keystore that is not saved is not measured. */
export class MeasurementStage implements CallStage {
  readonly #clock: Clock
  readonly #observers: readonly CallObserver[]

  constructor(clock: Clock, observers: readonly CallObserver[]) {
    this.#clock = clock
    this.#observers = observers
  }

  async run<T>(attempt: KeystoreAttempt, next: (attempt: KeystoreAttempt) => Promise<T>): Promise<T> {
    const { record } = attempt
    if (record === undefined) return next(attempt)
    const startedMs = this.#clock.monotonicMs()
    try {
      const result = await next(attempt)
      const latencyMs = this.#clock.monotonicMs() - startedMs
      for (const observer of this.#observers) observer.noteSuccess(record, latencyMs)
      return result
    } catch (error) {
      const latencyMs = this.#clock.monotonicMs() - startedMs
      for (const observer of this.#observers) observer.noteFailure(record, latencyMs, error)
      throw error
    }
  }
}
