import type { PreparedAuditEntry } from "@apeiro-cmk/audit-log"
import { decodeBytes, encodeBytes } from "../encoding.ts"
import { persistenceError, restating } from "../errors.ts"
import type { TokenRecord, TokenRepository } from "../ports.ts"
import type { Schema } from "../schema.ts"
import type { Store } from "../store.ts"
import { insertAuditEntries } from "./audit-intake.ts"

/** Stores bearer tokens by their hash; the token itself is never stored. */
export class StoredTokens implements TokenRepository {
  readonly #store: Store

  constructor(store: Store) {
    this.#store = store
  }

  async insertToken(record: TokenRecord, audit: readonly PreparedAuditEntry[]) {
    await restating(
      { ALREADY_EXISTS: "This token already exists.", NOT_FOUND: `There is no tenant "${record.tenantId}".` },
      () =>
        this.#store.transaction(async (transaction) => {
          await transaction.insertInto("tokens").values(tokenRow(record)).execute()
          await insertAuditEntries(transaction, audit)
        }),
    )
  }

  async tokensByHash(hashes: readonly Uint8Array[]) {
    const rows = await this.#store.run((db) =>
      db.selectFrom("tokens").selectAll().where("hash", "in", hashes.map(encodeBytes)).execute(),
    )
    return rows.map(tokenRecord)
  }

  async tokens(tenantId: string) {
    const rows = await this.#store.run((db) =>
      db.selectFrom("tokens").selectAll().where("tenant_id", "=", tenantId).orderBy("token_id").execute(),
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
