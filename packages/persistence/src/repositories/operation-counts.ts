import type { OperationCountRepository } from "@apeiro-cmk/keystore-manager"
import type { Store } from "../store.ts"

/**
 * Counts of the newest hour alone, one row for each keystore. A keystore that is removed leaves its row, so that adding
 * it again gives no second budget.
 */
export function operationCountRepository(store: Store): OperationCountRepository {
  return {
    async takeOperations({ tenantId, keystoreId, hour, wanted, limit }) {
      return store.transaction(async (transaction) => {
        const row = await transaction
          .selectFrom("operation_counts")
          .select(["hour", "taken"])
          .where("tenant_id", "=", tenantId)
          .where("keystore_id", "=", keystoreId)
          .executeTakeFirst()
        // Another host's clock may be in the next hour already: what it has taken there counts.
        const isCurrent = row !== undefined && row.hour >= hour
        const before = isCurrent ? row.taken : 0
        const granted = Math.max(0, Math.min(wanted, limit - before))
        const values = { hour: isCurrent ? row.hour : hour, taken: before + granted }
        await transaction
          .insertInto("operation_counts")
          .values({ tenant_id: tenantId, keystore_id: keystoreId, ...values })
          .onConflict((conflict) => conflict.columns(["tenant_id", "keystore_id"]).doUpdateSet(values))
          .execute()
        return { granted, taken: values.taken }
      })
    },

    async operationsTaken(tenantId, keystoreId, hour) {
      const row = await store.run((db) =>
        db
          .selectFrom("operation_counts")
          .select(["hour", "taken"])
          .where("tenant_id", "=", tenantId)
          .where("keystore_id", "=", keystoreId)
          .executeTakeFirst(),
      )
      return row !== undefined && row.hour >= hour ? row.taken : 0
    },
  }
}
