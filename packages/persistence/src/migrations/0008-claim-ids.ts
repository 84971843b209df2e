import { randomUUID } from "node:crypto"
import type { Kysely } from "kysely"

type Claims = { l1_claims: { plugin_type: string; key_identity: string; claim_id: string | null } }

/** Gives each claim an id, by which it can be released, and notes since when its holder has not answered such a request. */
export async function claimIds(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable("l1_claims").addColumn("claim_id", "text").execute()
  await db.schema.alterTable("l1_claims").addColumn("contested_at_ms", "bigint").execute()
  const claims = db.withTables<Claims>()
  const rows = await claims.selectFrom("l1_claims").select(["plugin_type", "key_identity"]).execute()
  for (const { plugin_type, key_identity } of rows) {
    await claims
      .updateTable("l1_claims")
      .set({ claim_id: randomUUID() })
      .where("plugin_type", "=", plugin_type)
      .where("key_identity", "=", key_identity)
      .execute()
  }
  await db.schema.createIndex("l1_claims_id").unique().on("l1_claims").column("claim_id").execute()
}
