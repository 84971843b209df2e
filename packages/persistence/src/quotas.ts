import { type Kysely, sql } from "kysely"
import { persistenceError } from "./errors.ts"
import type { Schema } from "./schema.ts"

/** How much each tenant may store. */
export interface TenantQuotas {
  readonly keystores: number
  /** Service keys, each version. */
  readonly serviceKeys: number
  /** Tokens that are neither revoked nor expired; of the others as many are kept, the newest ones. */
  readonly tokens: number
  /** Bytes of all keystore configurations with their sealed secrets, and again of the answers kept for repetitions. */
  readonly configurationBytes: number
  /** Idempotency keys that are kept at once. */
  readonly idempotencyKeys: number
}

/**
 * Locks the row of a tenant by writing it: on an engine with many writers, a tenant's transactions that do this run one
 * after another, and what they count stays true until they end. Other tenants' transactions do not wait.
 */
export async function lockTenant(db: Kysely<Schema>, tenantId: string): Promise<void> {
  await db
    .updateTable("tenants")
    .set((row) => ({ epoch: row.ref("epoch") }))
    .where("tenant_id", "=", tenantId)
    .execute()
}

/** Requires that a tenant, whose row is locked, stays within a quota. @throws {PersistenceError} QUOTA_EXCEEDED */
export function requireQuota(what: string, stored: number, quota: number): void {
  if (stored <= quota) return
  throw persistenceError("QUOTA_EXCEEDED", `The tenant may have ${quota} ${what}, and would have ${stored}.`)
}

/** Amounts that a tenant's keystores take of its quotas. */
export interface KeystoreUsage {
  readonly keystores: number
  readonly configurationBytes: number
}

/** Measures what the keystores of a tenant take. */
export async function keystoreUsage(db: Kysely<Schema>, tenantId: string): Promise<KeystoreUsage> {
  const stored = await db
    .selectFrom("keystores")
    .select((row) => [row.fn.countAll<number>().as("rows"), bytesOf("configuration").as("bytes")])
    .where("tenant_id", "=", tenantId)
    .executeTakeFirstOrThrow()
  const secrets = await db
    .selectFrom("credentials")
    .select(bytesOf("sealed").as("bytes"))
    .where("tenant_id", "=", tenantId)
    .executeTakeFirstOrThrow()
  return { keystores: Number(stored.rows), configurationBytes: Number(stored.bytes) + Number(secrets.bytes) }
}

/** Requires that what has grown stays within its quota: what shrinks is welcome, also above one that was lowered. */
export function requireKeystoreQuotas(before: KeystoreUsage, after: KeystoreUsage, quotas: TenantQuotas): void {
  if (after.keystores > before.keystores) requireQuota("keystores", after.keystores, quotas.keystores)
  if (after.configurationBytes <= before.configurationBytes) return
  requireQuota("bytes of keystore configuration", after.configurationBytes, quotas.configurationBytes)
}

/** Sums the length of a text column; both engines know it without reading the text. */
export function bytesOf(column: string) {
  return sql<number>`coalesce(sum(octet_length(${sql.ref(column)})), 0)`
}
