import { randomBytes } from "node:crypto"
import { encodeBytes } from "../encoding.ts"
import type { Store } from "../store.ts"

/** As much as the audit entries of a few requests. Random, so that no engine compresses it. */
const fillerBytes = 12_288

/**
 * Writes one row durably, as every request has to.
 * @throws {PersistenceError} DATABASE_FULL, DATABASE_READ_ONLY, ... - requests fail for the same reason
 */
export async function tryWrite(store: Store): Promise<void> {
  const filler = encodeBytes(randomBytes(fillerBytes))
  await store.run((db) =>
    db
      .insertInto("write_trial")
      .values({ trial: 1, filler })
      .onConflict((conflict) => conflict.column("trial").doUpdateSet({ filler }))
      .execute(),
  )
}
