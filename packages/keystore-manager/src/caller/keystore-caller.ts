import { timeBudgets } from "@apeiro-cmk/host-call"
import type { CallOptions, KeystoreV1 } from "@apeiro-cmk/plugin-interface"
import { abortable } from "@apeiro-cmk/plugin-sdk"
import type { HandlePool } from "../handle-pool.ts"
import type { OperationPurpose } from "../operation-budgets.ts"
import type { KeystoreRecord } from "../records.ts"
import { asCodedError } from "../undeclared-error.ts"
import type { CallStage, KeystoreAttempt } from "./call-stage.ts"

/** Settings of one call. */
export interface KeystoreCallSettings {
  /** Longest time, in milliseconds. Default: the budget of one keystore operation, 8,000. */
  readonly limitMs?: number
  /** Purpose of the call. Default: `otherWork`, which leaves the share of renewals alone. */
  readonly purpose?: OperationPurpose
  /** Whether the call may be made again under a newer revision of the keystore. Default: no. */
  readonly followsRevisions?: boolean
}

/**
 * Makes every call from the host to a keystore or to its plugin, through one list of stages. A bulkhead, a breaker or a
 * retry is one more stage: nobody else waits, measures or tries again.
 */
export class KeystoreCaller {
  readonly #stages: readonly CallStage[]
  readonly #handles: HandlePool

  /** @param stages - outermost first */
  constructor(stages: readonly CallStage[], handles: HandlePool) {
    this.#stages = stages
    this.#handles = handles
  }

  /**
   * Makes one call.
   *
   * @param record - the saved keystore whose budget and health the call belongs to; undefined for one that is not saved
   * @param work - receives the options for the plugin, with their own deadline
   * @throws {PluginError} what the plugin rejects with; TIMED_OUT and CANCELLED even when the plugin ignores its signal
   * @throws {PluginError} THROTTLED - of origin `host`: the budget of the hour is used up
   */
  call<T>(
    record: KeystoreRecord | undefined,
    call: CallOptions,
    work: (options: CallOptions) => Promise<T>,
    settings: KeystoreCallSettings = {},
  ): Promise<T> {
    return this.#enter(0, attemptOf(record, call, settings), ({ options }) => work(options))
  }

  /**
   * Makes one call to an operation of a saved keystore, which is opened first where it is not open. Otherwise as
   * {@link call}.
   *
   * @param work - receives the record in whose revision the keystore is called
   */
  use<T>(
    record: KeystoreRecord,
    call: CallOptions,
    work: (keystore: KeystoreV1, options: CallOptions, record: KeystoreRecord) => Promise<T>,
    settings: KeystoreCallSettings = {},
  ): Promise<T> {
    return this.#enter(0, attemptOf(record, call, settings), (attempt) => {
      const { options, record: current = record } = attempt
      return this.#handles.use(current, options, (keystore) => work(keystore, options, current))
    })
  }

  #enter<T>(index: number, attempt: KeystoreAttempt, work: (attempt: KeystoreAttempt) => Promise<T>): Promise<T> {
    const stage = this.#stages[index]
    if (stage === undefined) return ask(attempt, work)
    return stage.run(attempt, (next) => this.#enter(index + 1, next, work))
  }
}

function attemptOf(
  record: KeystoreRecord | undefined,
  options: CallOptions,
  {
    limitMs = timeBudgets.keystoreOperation.limitMs,
    purpose = "otherWork",
    followsRevisions = false,
  }: KeystoreCallSettings,
): KeystoreAttempt {
  return { record, purpose, options, limitMs, followsRevisions }
}

/** Asks the plugin. Its answer is awaited until the signal fires, and its errors are the declared ones. */
async function ask<T>(attempt: KeystoreAttempt, work: (attempt: KeystoreAttempt) => Promise<T>): Promise<T> {
  try {
    return await abortable(work(attempt), attempt.options.signal)
  } catch (error) {
    throw asCodedError(error)
  }
}
