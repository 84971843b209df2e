import type { SharedFactRepository } from "../ports.ts"
import type { Store } from "../store.ts"

/** Facts that the first host states and the others compare with. */
export function sharedFactRepository(store: Store): SharedFactRepository {
  return {
    async firstStated(name, value) {
      return store.transaction(async (transaction) => {
        await transaction
          .insertInto("shared_facts")
          .values({ name, value })
          .onConflict((conflict) => conflict.column("name").doNothing())
          .execute()
        const stored = await transaction
          .selectFrom("shared_facts")
          .select("value")
          .where("name", "=", name)
          .executeTakeFirstOrThrow()
        return stored.value
      })
    },
  }
}
