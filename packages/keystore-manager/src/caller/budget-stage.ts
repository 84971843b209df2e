import { abortable } from "@apeiro-cmk/plugin-sdk"
import type { OperationBudgets } from "../operation-budgets.ts"
import type { CallStage, KeystoreAttempt } from "./call-stage.ts"

/** Takes each attempt from the keystore's operations of the hour. A keystore that is not saved has no budget. */
export class BudgetStage implements CallStage {
  readonly #budgets: OperationBudgets

  constructor(budgets: OperationBudgets) {
    this.#budgets = budgets
  }

  async run<T>(attempt: KeystoreAttempt, next: (attempt: KeystoreAttempt) => Promise<T>): Promise<T> {
    const { record, purpose, options } = attempt
    if (record !== undefined) await abortable(this.#budgets.take(record, purpose), options.signal)
    return next(attempt)
  }
}
