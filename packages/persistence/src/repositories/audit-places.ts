import type { AuditPlaceRepository } from "../ports.ts"
import type { Store } from "../store.ts"

/** Number of entry ids in one statement. */
const idsPerQuery = 500

/** Finds the positions of audit entries in the logs of their tenants. */
export class StoredAuditPlaces implements AuditPlaceRepository {
  readonly #store: Store

  constructor(store: Store) {
    this.#store = store
  }

  async places(tenantId: string, entryIds: readonly string[]) {
    const places = new Map<string, number>()
    for (let start = 0; start < entryIds.length; start += idsPerQuery) {
      const rows = await this.#store.run((db) =>
        db
          .selectFrom("audit_entries")
          .select(["entry_id", "entry_index"])
          .where("tenant_id", "=", tenantId)
          .where("entry_id", "in", entryIds.slice(start, start + idsPerQuery))
          .execute(),
      )
      for (const row of rows) places.set(row.entry_id, row.entry_index)
    }
    return places
  }
}
