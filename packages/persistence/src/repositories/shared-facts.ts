import type { SharedFactRepository } from "../ports.ts"
import type { Store } from "../store.ts"

/** Stores facts that the first host states and the others compare with their own. */
export class StoredSharedFacts implements SharedFactRepository {
  readonly #store: Store

  constructor(store: Store) {
    this.#store = store
  }

  async stated(name: string) {
    const row = await this.#store.run((db) =>
      db.selectFrom("shared_facts").select("value").where("name", "=", name).executeTakeFirst(),
    )
    return row?.value
  }

  async firstStated(name: string, value: string) {
    return this.#store.transaction(async (transaction) => {
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
  }
}
