import type { OperationCountRepository, OperationsWanted } from "@apeiro-cmk/keystore-manager"
import type { Store } from "../store.ts"

/**
 * Counts the operations of the newest hour alone, one row for each keystore. A keystore that is removed leaves its row,
 * so that adding it again does not give it a second budget.
 */
export class StoredOperationCounts implements OperationCountRepository {
  readonly #store: Store

  constructor(store: Store) {
    this.#store = store
  }

  async takeOperations({ tenantId, keystoreId, hour, wanted, limit, limitOfOtherWork }: OperationsWanted) {
    return this.#store.transaction(async (transaction) => {
      const row = await transaction
        .selectFrom("operation_counts")
        .select(["hour", "taken", "taken_by_other_work"])
        .where("tenant_id", "=", tenantId)
        .where("keystore_id", "=", keystoreId)
        .executeTakeFirst()
      // Another host's clock may already be in the next hour: the operations it has taken there count.
      const isCurrent = row !== undefined && row.hour >= hour
      const before = isCurrent ? row.taken : 0
      const byOthers = isCurrent ? row.taken_by_other_work : 0
      const leftToOthers = limitOfOtherWork === undefined ? wanted : limitOfOtherWork - byOthers
      const granted = Math.max(0, Math.min(wanted, limit - before, leftToOthers))
      const values = {
        hour: isCurrent ? row.hour : hour,
        taken: before + granted,
        taken_by_other_work: limitOfOtherWork === undefined ? byOthers : byOthers + granted,
      }
      await transaction
        .insertInto("operation_counts")
        .values({ tenant_id: tenantId, keystore_id: keystoreId, ...values })
        .onConflict((conflict) => conflict.columns(["tenant_id", "keystore_id"]).doUpdateSet(values))
        .execute()
      return { granted, taken: values.taken }
    })
  }

  async operationsTaken(tenantId: string, keystoreId: string, hour: number) {
    const row = await this.#store.run((db) =>
      db
        .selectFrom("operation_counts")
        .select(["hour", "taken"])
        .where("tenant_id", "=", tenantId)
        .where("keystore_id", "=", keystoreId)
        .executeTakeFirst(),
    )
    return row !== undefined && row.hour >= hour ? row.taken : 0
  }
}
