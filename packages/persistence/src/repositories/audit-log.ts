import type { AuditLogRepository, Integration, PreparedAuditEntry, TreeHead } from "@apeiro-cmk/audit-log"
import { type Kysely, sql } from "kysely"
import { z } from "zod"
import { decodeBytes, decodeJson, encodeBytes } from "../encoding.ts"
import { persistenceError } from "../errors.ts"
import type { Schema } from "../schema.ts"
import type { Store } from "../store.ts"

/** The one row of `audit_sequencer`. */
const sequencerId = "audit"

/** Rows that move at once, each named by its id. */
const rowsPerInsert = 1000

const subtreesColumn = z.array(z.string())

/** The tenants' logs, written only by the sequencer that holds the newest fence. */
export function auditLogRepository(store: Store): AuditLogRepository {
  return {
    async integrate(fence, limit, integrate) {
      return store.transaction(async (transaction) => {
        if (!(await holdsFence(transaction, fence))) return undefined
        const waiting = await oldestWaiting(transaction, limit)
        for (const [tenantId, entries] of Map.groupBy(waiting, (entry) => entry.tenantId)) {
          const head = await readHead(transaction, tenantId)
          const integration = integrate(head, entries)
          assertFollows(integration, head, entries)
          await storeIntegration(transaction, integration)
        }
        return waiting.length
        // The fence's lock keeps every other sequencer out, and a stricter level would make it fail for what hosts record.
      }, "read committed")
    },

    async takeFence(replica) {
      const { fence } = await store.run((db) =>
        db
          .insertInto("audit_sequencer")
          .values({ sequencer_id: sequencerId, fence: 1, replica })
          .onConflict((conflict) =>
            conflict.column("sequencer_id").doUpdateSet((row) => ({
              fence: row("audit_sequencer.fence", "+", 1),
              replica,
            })),
          )
          .returning("fence")
          .executeTakeFirstOrThrow(),
      )
      return fence
    },

    async head(tenantId) {
      return store.run((db) => readHead(db, tenantId))
    },

    async entries(tenantId, fromIndex, limit) {
      const rows = await store.run((db) =>
        db
          .selectFrom("audit_entries")
          .selectAll()
          .where("tenant_id", "=", tenantId)
          .where("entry_index", ">=", fromIndex)
          .orderBy("entry_index")
          .limit(limit)
          .execute(),
      )
      return rows.map((row) => ({ ...preparedEntry(row), index: row.entry_index }))
    },

    async waiting(tenantId) {
      const { count } = await store.run((db) =>
        db
          .selectFrom("audit_intake")
          .select((row) => row.fn.countAll<number>().as("count"))
          .where("tenant_id", "=", tenantId)
          .executeTakeFirstOrThrow(),
      )
      return Number(count)
    },
  }
}

/** Writing the row also locks it where there are many writers, so that no take-over slips in before the commit. */
async function holdsFence(db: Kysely<Schema>, fence: number): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable("audit_sequencer")
    .set({ fence })
    .where("sequencer_id", "=", sequencerId)
    .where("fence", "=", fence)
    .executeTakeFirst()
  return numUpdatedRows === 1n
}

/** Entry ids are UUIDv7: their order is the order of recording. */
async function oldestWaiting(db: Kysely<Schema>, limit: number): Promise<readonly PreparedAuditEntry[]> {
  const rows = await db.selectFrom("audit_intake").selectAll().orderBy("entry_id").limit(limit).execute()
  return rows.map(preparedEntry)
}

async function readHead(db: Kysely<Schema>, tenantId: string): Promise<TreeHead> {
  const row = await db.selectFrom("audit_heads").selectAll().where("tenant_id", "=", tenantId).executeTakeFirst()
  if (row === undefined) return { tenantId, size: 0, subtrees: [] }
  const subtrees = decodeJson(subtreesColumn, row.subtrees, "audit_heads.subtrees").map(decodeBytes)
  return { tenantId, size: row.size, subtrees }
}

/** A log with a gap cannot be mended later: what does not follow the present head is not stored. */
function assertFollows(integration: Integration, head: TreeHead, waiting: readonly PreparedAuditEntry[]): void {
  const follows =
    integration.head.tenantId === head.tenantId &&
    integration.head.size === head.size + waiting.length &&
    integration.entries.length === waiting.length &&
    integration.entries.every(
      (entry, offset) =>
        entry.index === head.size + offset &&
        entry.tenantId === head.tenantId &&
        entry.entryId === waiting[offset]?.entryId,
    )
  if (!follows) throw persistenceError("DATABASE_FAULT", "The integration of audit entries does not follow the log.")
}

/** The rows move inside the database: their order by id is the one that {@link assertFollows} has seen. */
async function storeIntegration(db: Kysely<Schema>, { entries, head }: Integration): Promise<void> {
  for (let start = 0; start < entries.length; start += rowsPerInsert) {
    const chunk = entries.slice(start, start + rowsPerInsert)
    const entryIds = chunk.map(({ entryId }) => entryId)
    const firstIndex = head.size - entries.length + start
    await db
      .insertInto("audit_entries")
      .columns(["tenant_id", "entry_index", "entry_id", "recorded_at_ms", "leaf"])
      .expression((row) =>
        row
          .selectFrom("audit_intake")
          .select([
            "tenant_id",
            sql<number>`${firstIndex - 1} + row_number() over (order by entry_id)`.as("entry_index"),
            "entry_id",
            "recorded_at_ms",
            "leaf",
          ])
          .where("entry_id", "in", entryIds),
      )
      .execute()
    await db.deleteFrom("audit_intake").where("entry_id", "in", entryIds).execute()
  }
  const stored = { size: head.size, subtrees: JSON.stringify(head.subtrees.map(encodeBytes)) }
  await db
    .insertInto("audit_heads")
    .values({ tenant_id: head.tenantId, ...stored })
    .onConflict((conflict) => conflict.column("tenant_id").doUpdateSet(stored))
    .execute()
}

function preparedEntry(row: Schema["audit_intake"]): PreparedAuditEntry {
  return {
    entryId: row.entry_id,
    tenantId: row.tenant_id,
    recordedAtMs: row.recorded_at_ms,
    leaf: decodeBytes(row.leaf),
  }
}
