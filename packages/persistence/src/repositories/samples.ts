import type { SampleRepository } from "../ports.ts"
import type { Store } from "../store.ts"
import { sealedCredential } from "./credentials.ts"
import { keystoreRecord } from "./keystore-records.ts"

/** Samples what is stored, for the checks of a start. */
export class StoredSamples implements SampleRepository {
  readonly #store: Store

  constructor(store: Store) {
    this.#store = store
  }

  async anyCredential() {
    const row = await this.#store.run((db) =>
      db.selectFrom("credentials").selectAll().orderBy("created_at_ms", "desc").limit(1).executeTakeFirst(),
    )
    return row === undefined ? undefined : sealedCredential(row)
  }

  async activeKeystores(pluginType: string, limit: number) {
    const rows = await this.#store.run((db) =>
      db
        .selectFrom("keystores")
        .selectAll()
        .where("plugin_type", "=", pluginType)
        .where("state", "=", "active")
        .orderBy("created_at_ms", "desc")
        .limit(limit)
        .execute(),
    )
    return rows.map(keystoreRecord)
  }
}
