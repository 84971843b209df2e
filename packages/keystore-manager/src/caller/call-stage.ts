import type { CallOptions } from "@apeiro-cmk/plugin-interface"
import type { OperationPurpose } from "../operation-budgets.ts"
import type { KeystoreRecord } from "../records.ts"

/** One attempt to call a keystore, on its way through the stages. */
export interface KeystoreAttempt {
  /** The keystore as it is saved; undefined for one that is not. */
  readonly record: KeystoreRecord | undefined
  /** Purpose of the call: it decides from which part of the keystore's operations of the hour it is taken. */
  readonly purpose: OperationPurpose
  /** Options of the call. Only the deadline stage starts a deadline; before it, these are the caller's own. */
  readonly options: CallOptions
  /** Longest time for the attempt, in milliseconds; the caller's own deadline may be shorter. */
  readonly limitMs: number
  /** Whether the call may be made again under a newer revision of the keystore. */
  readonly followsRevisions: boolean
}

/** One concern of every call to a keystore. Each stage surrounds the ones after it. */
export interface CallStage {
  /**
   * Passes an attempt on to the next stage, or refuses it.
   *
   * @param next - the stages after this one, and then the keystore itself
   */
  run<T>(attempt: KeystoreAttempt, next: (attempt: KeystoreAttempt) => Promise<T>): Promise<T>
}
