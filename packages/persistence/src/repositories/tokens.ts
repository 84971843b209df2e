import type { PreparedAuditEntry } from "@apeiro-cmk/audit-log"
import type { Page } from "@apeiro-cmk/host-call"
import type { Kysely } from "kysely"
import { decodeBytes, encodeBytes } from "../encoding.ts"
import { persistenceError, restating } from "../errors.ts"
import type { TokenRecord, TokenRepository } from "../ports.ts"
import { lockTenant, requireQuota, type TenantQuotas } from "../quotas.ts"
import type { Schema } from "../schema.ts"
import type { Store } from "../store.ts"
import { insertAuditEntries } from "./audit-intake.ts"

/** Stores bearer tokens by their hash; the token itself is never stored. */
export class StoredTokens implements TokenRepository {
  readonly #store: Store
  readonly #quota: number | undefined

  constructor(store: Store, quotas: TenantQuotas | undefined) {
    this.#store = store
    this.#quota = quotas?.tokens
  }

  async insertToken(record: TokenRecord, audit: readonly PreparedAuditEntry[]) {
    await restating(
      { ALREADY_EXISTS: "This token already exists.", NOT_FOUND: `There is no tenant "${record.tenantId}".` },
      () =>
        this.#store.transaction(async (transaction) => {
          await lockTenant(transaction, record.tenantId)
          await transaction.insertInto("tokens").values(tokenRow(record)).execute()
          if (this.#quota !== undefined) await keepWithin(transaction, record, this.#quota)
          await insertAuditEntries(transaction, audit)
        }, "read committed"),
    )
  }

  async tokensByHash(hashes: readonly Uint8Array[]) {
    const rows = await this.#store.run((db) =>
      db.selectFrom("tokens").selectAll().where("hash", "in", hashes.map(encodeBytes)).execute(),
    )
    return rows.map(tokenRecord)
  }

  async token(tenantId: string, tokenId: string) {
    const row = await this.#store.run((db) =>
      db
        .selectFrom("tokens")
        .selectAll()
        .where("tenant_id", "=", tenantId)
        .where("token_id", "=", tokenId)
        .executeTakeFirst(),
    )
    return row === undefined ? undefined : tokenRecord(row)
  }

  async tokens(tenantId: string, { after = "", limit }: Page<string>) {
    const rows = await this.#store.run((db) =>
      db
        .selectFrom("tokens")
        .selectAll()
        .where("tenant_id", "=", tenantId)
        .where("token_id", ">", after)
        .orderBy("token_id")
        .limit(limit)
        .execute(),
    )
    return rows.map(tokenRecord)
  }

  async revokeToken(tenantId: string, tokenId: string, revokedAtMs: number, audit: readonly PreparedAuditEntry[]) {
    await this.#store.transaction(async (transaction) => {
      const token = await transaction
        .selectFrom("tokens")
        .select("revoked_at_ms")
        .where("tenant_id", "=", tenantId)
        .where("token_id", "=", tokenId)
        .executeTakeFirst()
      if (token === undefined) throw persistenceError("NOT_FOUND", `The tenant has no token "${tokenId}".`)
      if (token.revoked_at_ms !== null) return
      await transaction
        .updateTable("tokens")
        .set({ revoked_at_ms: revokedAtMs })
        .where("token_id", "=", tokenId)
        .execute()
      await insertAuditEntries(transaction, audit)
    })
  }
}

/** Requires that the valid tokens of a tenant stay within the quota, and removes ended ones beyond as many, oldest first. */
async function keepWithin(db: Kysely<Schema>, { tenantId, createdAtMs }: TokenRecord, quota: number): Promise<void> {
  const rows = await db
    .selectFrom("tokens")
    .select(["token_id", "expires_at_ms", "revoked_at_ms"])
    .where("tenant_id", "=", tenantId)
    .orderBy("token_id", "desc")
    .execute()
  const ended = rows.filter((row) => row.revoked_at_ms !== null || row.expires_at_ms <= createdAtMs)
  requireQuota("valid tokens", rows.length - ended.length, quota)
  const surplus = ended[quota]
  if (surplus === undefined) return
  await db
    .deleteFrom("tokens")
    .where("tenant_id", "=", tenantId)
    .where("token_id", "<=", surplus.token_id)
    .where((row) => row.or([row("revoked_at_ms", "is not", null), row("expires_at_ms", "<=", createdAtMs)]))
    .execute()
}

function tokenRow(record: TokenRecord): Schema["tokens"] {
  return {
    token_id: record.tokenId,
    tenant_id: record.tenantId,
    role: record.role,
    hash: encodeBytes(record.hash),
    created_at_ms: record.createdAtMs,
    expires_at_ms: record.expiresAtMs,
    revoked_at_ms: record.revokedAtMs ?? null,
  }
}

function tokenRecord(row: Schema["tokens"]): TokenRecord {
  return {
    tokenId: row.token_id,
    tenantId: row.tenant_id,
    role: row.role,
    hash: decodeBytes(row.hash),
    createdAtMs: row.created_at_ms,
    expiresAtMs: row.expires_at_ms,
    ...(row.revoked_at_ms === null ? {} : { revokedAtMs: row.revoked_at_ms }),
  }
}
