import { randomUUID } from "node:crypto"
import type { PreparedAuditEntry } from "@apeiro-cmk/audit-log"
import type { KeystoreActivation } from "@apeiro-cmk/keystore-manager"
import type { Kysely } from "kysely"
import { persistenceError } from "../errors.ts"
import { lockTenant } from "../quotas.ts"
import type { Schema } from "../schema.ts"
import { insertAuditEntries } from "./audit-intake.ts"
import { dropUnusedClaim } from "./claims.ts"
import { isBeingRemoved } from "./key-removals.ts"
import { insertTenantKey } from "./keys.ts"

/** Position of the keystore that is used first. */
const primaryPosition = 0

/**
 * Claims the L1 key, marks the keystore active and stores the tenant key, inside the transaction of the caller.
 *
 * The revision grows, so that of two concurrent activations, each with its own tenant key, one is stale.
 */
export async function activateKeystore(
  db: Kysely<Schema>,
  activation: KeystoreActivation,
  audit: readonly PreparedAuditEntry[],
): Promise<void> {
  await lockTenant(db, activation.tenantId)
  const before = await unchanged(db, activation)
  await assertNoOtherActive(db, activation)
  await claim(db, activation)
  await db
    .updateTable("keystores")
    .set({
      state: "active",
      position: primaryPosition,
      key_identity: activation.keyIdentity,
      revision: activation.revision + 1,
      updated_at_ms: activation.activatedAtMs,
    })
    .where("tenant_id", "=", activation.tenantId)
    .where("keystore_id", "=", activation.keystoreId)
    .execute()
  // A release may have given it the claim of another key than it names by now.
  await dropUnusedClaim(db, before)
  if (activation.tenantKey !== undefined) {
    await assertNoActiveTenantKey(db, activation.tenantId)
    await insertTenantKey(db, activation.tenantKey)
  }
  await insertAuditEntries(db, withoutRepetition([...(activation.tenantKey?.audit ?? []), ...audit]))
}

/** Drops repeated entries: the caller may have included the tenant key's own entries, and an entry is recorded once. */
function withoutRepetition(entries: readonly PreparedAuditEntry[]): readonly PreparedAuditEntry[] {
  return [...new Map(entries.map((entry) => [entry.entryId, entry])).values()]
}

async function unchanged(
  db: Kysely<Schema>,
  { tenantId, keystoreId, revision, createdAtMs }: KeystoreActivation,
): Promise<Schema["keystores"]> {
  const row = await db
    .selectFrom("keystores")
    .selectAll()
    .where("tenant_id", "=", tenantId)
    .where("keystore_id", "=", keystoreId)
    .executeTakeFirst()
  if (row === undefined) throw persistenceError("NOT_FOUND", `The tenant has no keystore "${keystoreId}".`)
  // A keystore that is removed and added again under the same id starts over with the same revisions.
  if (row.revision !== revision || row.created_at_ms !== createdAtMs) {
    throw persistenceError("STALE_REVISION", `The keystore "${keystoreId}" has changed since it was tested.`)
  }
  return row
}

async function assertNoOtherActive(db: Kysely<Schema>, { tenantId, keystoreId }: KeystoreActivation): Promise<void> {
  const other = await db
    .selectFrom("keystores")
    .select("keystore_id")
    .where("tenant_id", "=", tenantId)
    .where("state", "=", "active")
    .where("keystore_id", "!=", keystoreId)
    .limit(1)
    .executeTakeFirst()
  if (other !== undefined) {
    throw persistenceError("ANOTHER_KEYSTORE_ACTIVE", `The tenant's active keystore is "${other.keystore_id}".`)
  }
}

async function claim(
  db: Kysely<Schema>,
  { tenantId, pluginType, keyIdentity, activatedAtMs }: KeystoreActivation,
): Promise<void> {
  await db
    .insertInto("l1_claims")
    .values({
      claim_id: randomUUID(),
      plugin_type: pluginType,
      key_identity: keyIdentity,
      tenant_id: tenantId,
      claimed_at_ms: activatedAtMs,
      contested_at_ms: null,
    })
    .onConflict((conflict) => conflict.columns(["plugin_type", "key_identity"]).doNothing())
    .execute()
  const owner = await db
    .selectFrom("l1_claims")
    .select("tenant_id")
    .where("plugin_type", "=", pluginType)
    .where("key_identity", "=", keyIdentity)
    .executeTakeFirstOrThrow()
  if (owner.tenant_id !== tenantId || (await isBeingRemoved(db, pluginType, keyIdentity))) {
    throw persistenceError("L1_CLAIMED", "This L1 key already serves another tenant, or is being removed.")
  }
}

async function assertNoActiveTenantKey(db: Kysely<Schema>, tenantId: string): Promise<void> {
  const existing = await db
    .selectFrom("tenant_keys")
    .select("key_id")
    .where("tenant_id", "=", tenantId)
    .where("state", "=", "Active")
    .limit(1)
    .executeTakeFirst()
  if (existing !== undefined) throw persistenceError("ALREADY_EXISTS", "The tenant already has an active tenant key.")
}
