import { randomUUID } from "node:crypto"
import type { PreparedAuditEntry } from "@apeiro-cmk/audit-log"
import type { ClaimRecord, ClaimRepository, ClaimTransfer } from "@apeiro-cmk/keystore-manager"
import type { Kysely } from "kysely"
import { persistenceError } from "../errors.ts"
import type { Schema } from "../schema.ts"
import type { Store } from "../store.ts"
import { insertAuditEntries } from "./audit-intake.ts"

/** Stores the claims on L1 keys, as the platform's administrator sees them. */
export class StoredClaims implements ClaimRepository {
  readonly #store: Store

  constructor(store: Store) {
    this.#store = store
  }

  async claims({ after = "", limit }: Parameters<ClaimRepository["claims"]>[0]) {
    const rows = await this.#store.run((db) =>
      selectClaims(db).where("claim_id", ">", after).orderBy("claim_id").limit(limit).execute(),
    )
    return rows.map(claimRecord)
  }

  async claim(claimId: string) {
    const row = await this.#store.run((db) => selectClaims(db).where("claim_id", "=", claimId).executeTakeFirst())
    return row === undefined ? undefined : claimRecord(row)
  }

  async markContested(claimId: string, contestedAtMs: number | undefined, audit: readonly PreparedAuditEntry[]) {
    await this.#store.transaction(async (transaction) => {
      await transaction
        .updateTable("l1_claims")
        .set({ contested_at_ms: contestedAtMs ?? null })
        .where("claim_id", "=", claimId)
        .execute()
      await insertAuditEntries(transaction, audit)
    })
  }

  async transferClaim({ claim, claimant, atMs }: ClaimTransfer, audit: readonly PreparedAuditEntry[]) {
    const claimId = randomUUID()
    const { tenantId, keystoreId, revision, createdAtMs } = claimant
    await this.#store.transaction(async (transaction) => {
      const passed = await transaction
        .updateTable("l1_claims")
        .set({ claim_id: claimId, tenant_id: tenantId, claimed_at_ms: atMs, contested_at_ms: null })
        .where("claim_id", "=", claim.claimId)
        .executeTakeFirst()
      if (passed.numUpdatedRows !== 1n) throw persistenceError("NOT_FOUND", "The claim is gone.")
      const before = await transaction
        .selectFrom("keystores")
        .selectAll()
        .where("tenant_id", "=", tenantId)
        .where("keystore_id", "=", keystoreId)
        .executeTakeFirst()
      if (before?.revision !== revision || before.created_at_ms !== createdAtMs) {
        throw persistenceError("STALE_REVISION", `The keystore "${keystoreId}" has changed since it was asked.`)
      }
      await transaction
        .updateTable("keystores")
        .set({ key_identity: claim.keyIdentity, revision: revision + 1, updated_at_ms: atMs })
        .where("tenant_id", "=", tenantId)
        .where("keystore_id", "=", keystoreId)
        .execute()
      await dropUnusedClaim(transaction, before)
      await insertAuditEntries(transaction, audit)
    })
    const { pluginType, keyIdentity } = claim
    return { claimId, pluginType, keyIdentity, tenantId, keystoreId, claimedAtMs: atMs }
  }
}

/** Drops a tenant's claim on the key that a keystore has named up to now, unless one of its keystores still names it. */
export async function dropUnusedClaim(db: Kysely<Schema>, former: Schema["keystores"]): Promise<void> {
  if (former.key_identity === null) return
  const other = await db
    .selectFrom("keystores")
    .select("keystore_id")
    .where("tenant_id", "=", former.tenant_id)
    .where("plugin_type", "=", former.plugin_type)
    .where("key_identity", "=", former.key_identity)
    .limit(1)
    .executeTakeFirst()
  if (other !== undefined) return
  await db
    .deleteFrom("l1_claims")
    .where("tenant_id", "=", former.tenant_id)
    .where("plugin_type", "=", former.plugin_type)
    .where("key_identity", "=", former.key_identity)
    .execute()
}

/** Selects claims, each with the holder's keystore for the key: `active` comes before `inactive`. */
function selectClaims(db: Kysely<Schema>) {
  return db
    .selectFrom("l1_claims")
    .selectAll("l1_claims")
    .select((claim) =>
      claim
        .selectFrom("keystores")
        .select("keystores.keystore_id")
        .whereRef("keystores.tenant_id", "=", "l1_claims.tenant_id")
        .whereRef("keystores.plugin_type", "=", "l1_claims.plugin_type")
        .whereRef("keystores.key_identity", "=", "l1_claims.key_identity")
        .orderBy("keystores.state")
        .orderBy("keystores.keystore_id")
        .limit(1)
        .as("keystore_id"),
    )
}

function claimRecord(row: Schema["l1_claims"] & { readonly keystore_id: string | null }): ClaimRecord {
  return {
    claimId: row.claim_id,
    pluginType: row.plugin_type,
    keyIdentity: row.key_identity,
    tenantId: row.tenant_id,
    ...(row.keystore_id === null ? {} : { keystoreId: row.keystore_id }),
    claimedAtMs: row.claimed_at_ms,
    ...(row.contested_at_ms === null ? {} : { contestedAtMs: row.contested_at_ms }),
  }
}
