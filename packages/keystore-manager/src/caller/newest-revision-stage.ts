import type { KeystoreRepository } from "../ports.ts"
import type { CallStage, KeystoreAttempt } from "./call-stage.ts"

/**
 * Repeats a call that failed while its keystore was changed, once, under the newest revision: the change may have removed
 * the secret that the call used. Only calls that follow revisions are repeated.
 */
export class NewestRevisionStage implements CallStage {
  readonly #repository: Pick<KeystoreRepository, "keystore">

  constructor(repository: Pick<KeystoreRepository, "keystore">) {
    this.#repository = repository
  }

  async run<T>(attempt: KeystoreAttempt, next: (attempt: KeystoreAttempt) => Promise<T>): Promise<T> {
    try {
      return await next(attempt)
    } catch (error) {
      const { record, options, followsRevisions } = attempt
      if (record === undefined || !followsRevisions) throw error
      const now = await this.#repository.keystore(record.tenantId, record.keystoreId)
      if (now === undefined || now.revision === record.revision || options.signal.aborted) throw error
      return next({ ...attempt, record: now })
    }
  }
}
