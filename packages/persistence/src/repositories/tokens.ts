import { decodeBytes, encodeBytes } from "../encoding.ts"
import { persistenceError, restating } from "../errors.ts"
import type { TokenRecord, TokenRepository } from "../ports.ts"
import type { Schema } from "../schema.ts"
import type { Store } from "../store.ts"
import { insertAuditEntries } from "./audit-intake.ts"

/** Bearer tokens, by the hash of the token: the token itself is stored nowhere. */
export function tokenRepository(store: Store): TokenRepository {
  return {
    async insertToken(record, audit) {
      await restating(
        { ALREADY_EXISTS: "This token exists already.", NOT_FOUND: `There is no tenant "${record.tenantId}".` },
        () =>
          store.transaction(async (transaction) => {
            await transaction.insertInto("tokens").values(tokenRow(record)).execute()
            await insertAuditEntries(transaction, audit)
          }),
      )
    },

    async tokensByHash(hashes) {
      const rows = await store.run((db) =>
        db.selectFrom("tokens").selectAll().where("hash", "in", hashes.map(encodeBytes)).execute(),
      )
      return rows.map(tokenRecord)
    },

    async tokens(tenantId) {
      const rows = await store.run((db) =>
        db.selectFrom("tokens").selectAll().where("tenant_id", "=", tenantId).orderBy("token_id").execute(),
      )
      return rows.map(tokenRecord)
    },

    async revokeToken(tenantId, tokenId, revokedAtMs, audit) {
      await store.transaction(async (transaction) => {
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
    },
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
