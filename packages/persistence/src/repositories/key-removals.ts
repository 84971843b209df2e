import { type Kysely, sql } from "kysely"
import { persistenceError } from "../errors.ts"
import type { Schema } from "../schema.ts"

/** Keys of one server that are to be destroyed: those whose identity begins with a text. */
export interface KeyRemoval {
  readonly pluginType: string
  readonly identityPrefix: string
}

/**
 * Holds keys for their removal, inside the transaction of the caller: until {@link endKeyRemoval} none of them can be
 * claimed. Idempotent.
 *
 * @throws {PersistenceError} STILL_IN_USE - one of them is claimed, or wraps a tenant key
 */
export async function beginKeyRemoval(db: Kysely<Schema>, removal: KeyRemoval, atMs: number): Promise<void> {
  const { pluginType, identityPrefix } = removal
  const begins = (column: string) =>
    sql<boolean>`substr(${sql.ref(column)}, 1, ${identityPrefix.length}) = ${identityPrefix}`
  const claims = db.selectFrom("l1_claims").where("plugin_type", "=", pluginType).where(begins("key_identity"))
  const wraps = db.selectFrom("tenant_key_wraps").where(begins("l1_key_identity"))
  const claim = await claims.select("tenant_id").limit(1).executeTakeFirst()
  const wrap = claim === undefined ? await wraps.select("tenant_id").limit(1).executeTakeFirst() : undefined
  if (claim !== undefined || wrap !== undefined) {
    throw persistenceError("STILL_IN_USE", "The key is claimed, or wraps a key of a tenant.")
  }
  await db
    .insertInto("key_removals")
    .values({ plugin_type: pluginType, identity_prefix: identityPrefix, began_at_ms: atMs })
    .onConflict((conflict) => conflict.columns(["plugin_type", "identity_prefix"]).doNothing())
    .execute()
}

/** Releases the hold of a removal that is done. */
export async function endKeyRemoval(db: Kysely<Schema>, { pluginType, identityPrefix }: KeyRemoval): Promise<void> {
  await db
    .deleteFrom("key_removals")
    .where("plugin_type", "=", pluginType)
    .where("identity_prefix", "=", identityPrefix)
    .execute()
}

/** Tells whether a key is held for its removal. */
export async function isBeingRemoved(db: Kysely<Schema>, pluginType: string, keyIdentity: string): Promise<boolean> {
  const hold = await db
    .selectFrom("key_removals")
    .select("identity_prefix")
    .where("plugin_type", "=", pluginType)
    .where((row) => {
      const prefix = row.ref("identity_prefix")
      return sql<boolean>`substr(${keyIdentity}, 1, length(${prefix})) = ${prefix}`
    })
    .limit(1)
    .executeTakeFirst()
  return hold !== undefined
}
