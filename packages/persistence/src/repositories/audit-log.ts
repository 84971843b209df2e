import type { AuditLogRepository, Integration, PreparedAuditEntry, TreeHead } from "@apeiro-cmk/audit-log"
import { type Kysely, sql } from "kysely"
import * as z from "zod"
import { decodeBytes, decodeJson, encodeBytes } from "../encoding.ts"
import { persistenceError } from "../errors.ts"
import type { Schema } from "../schema.ts"
import type { Store } from "../store.ts"

/** The one row of `audit_sequencer`. */
const sequencerId = "audit"

/** Number of rows that move in one statement, each named by its id. */
const rowsPerInsert = 1000

const subtreesColumn = z.array(z.string())

/** Stores the logs of the tenants; only the sequencer with the newest fence writes them. */
export class StoredAuditLog implements AuditLogRepository {
  readonly #store: Store

  constructor(store: Store) {
    this.#store = store
  }

  async integrate(fence: number, limit: number, integrate: Parameters<AuditLogRepository["integrate"]>[2]) {
    // Read before the transaction, because hosts cannot record while it is open. Only a sequencer changes these rows,
    // and the fence tells when another one did.
    const waiting = await this.#store.run((db) => oldestWaiting(db, limit))
    if (waiting.length === 0) return 0
    // After the entries, never before: with a head that is newer than they are, nothing is stored; an older head would
    // store them at positions that are taken.
    const heads = await this.#store.run(headsOfWaiting)
    const integrations = [...Map.groupBy(waiting, (entry) => entry.tenantId)].map(([tenantId, entries]) => {
      const head = heads.get(tenantId) ?? emptyHead(tenantId)
      const integration = integrate(head, entries)
      assertFollows(integration, head, entries)
      return integration
    })
    const isStored = await storeIntegrations(this.#store, fence, integrations)
    return isStored ? waiting.length : undefined
  }

  async takeFence(replica: string) {
    const { fence } = await this.#store.run((db) =>
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
  }

  async head(tenantId: string) {
    return this.#store.run((db) => readHead(db, tenantId))
  }

  async entries(tenantId: string, fromIndex: number, limit: number) {
    const rows = await this.#store.run((db) =>
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
  }

  async waiting(tenantId: string) {
    const { count } = await this.#store.run((db) =>
      db
        .selectFrom("audit_intake")
        .select((row) => row.fn.countAll<number>().as("count"))
        .where("tenant_id", "=", tenantId)
        .executeTakeFirstOrThrow(),
    )
    return Number(count)
  }
}

/**
 * Stores all or nothing; nothing when the fence is no longer the newest or an entry already has its place. The lock on
 * the fence keeps every other sequencer out, and a stricter isolation level would conflict with the entries that hosts
 * record.
 */
async function storeIntegrations(store: Store, fence: number, integrations: readonly Integration[]): Promise<boolean> {
  const fencedOff = new Error("another sequencer integrated these entries, or is about to")
  try {
    await store.transaction(async (transaction) => {
      // Sent together, so that the transaction is open for the time of a single answer.
      const [holding, ...storing] = await Promise.allSettled([
        holdsFence(transaction, fence),
        ...integrations.map((integration) => storeIntegration(transaction, integration)),
      ])
      // Without the fence, failures of the others mean nothing: another sequencer may have been first.
      if (holding.status === "fulfilled" && !holding.value) throw fencedOff
      for (const outcome of [holding, ...storing]) {
        if (outcome.status === "rejected") throw outcome.reason
        if (!outcome.value) throw fencedOff
      }
    }, "read committed")
    return true
  } catch (error) {
    if (error === fencedOff) return false
    throw error
  }
}

/** Checks the fence by writing it: the write locks the row, so that no take-over slips in before the commit. */
async function holdsFence(db: Kysely<Schema>, fence: number): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable("audit_sequencer")
    .set({ fence })
    .where("sequencer_id", "=", sequencerId)
    .where("fence", "=", fence)
    .executeTakeFirst()
  return numUpdatedRows === 1n
}

/** Reads the oldest waiting entries: entry ids are UUIDv7, so their order is the order of recording. */
async function oldestWaiting(db: Kysely<Schema>, limit: number): Promise<readonly PreparedAuditEntry[]> {
  const rows = await db.selectFrom("audit_intake").selectAll().orderBy("entry_id").limit(limit).execute()
  return rows.map(preparedEntry)
}

async function readHead(db: Kysely<Schema>, tenantId: string): Promise<TreeHead> {
  const row = await db.selectFrom("audit_heads").selectAll().where("tenant_id", "=", tenantId).executeTakeFirst()
  return row === undefined ? emptyHead(tenantId) : treeHead(row)
}

/** Reads the heads of all tenants with waiting entries; a tenant whose log is empty has none. */
async function headsOfWaiting(db: Kysely<Schema>): Promise<ReadonlyMap<string, TreeHead>> {
  const rows = await db
    .selectFrom("audit_heads")
    .selectAll()
    .where("tenant_id", "in", (intake) => intake.selectFrom("audit_intake").select("tenant_id"))
    .execute()
  return new Map(rows.map((row) => [row.tenant_id, treeHead(row)]))
}

function emptyHead(tenantId: string): TreeHead {
  return { tenantId, size: 0, subtrees: [] }
}

function treeHead(row: Schema["audit_heads"]): TreeHead {
  const subtrees = decodeJson(subtreesColumn, row.subtrees, "audit_heads.subtrees").map(decodeBytes)
  return { tenantId: row.tenant_id, size: row.size, subtrees }
}

/** Refuses an integration that does not follow the current head, because a gap in a log cannot be repaired later. */
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

/**
 * Moves the rows inside the database; their order by id is the order that {@link assertFollows} has checked.
 * @returns whether every entry was still waiting
 */
async function storeIntegration(db: Kysely<Schema>, { entries, head }: Integration): Promise<boolean> {
  const stored = { size: head.size, subtrees: JSON.stringify(head.subtrees.map(encodeBytes)) }
  const headWrite = db
    .insertInto("audit_heads")
    .values({ tenant_id: head.tenantId, ...stored })
    .onConflict((conflict) => conflict.column("tenant_id").doUpdateSet(stored))
    .execute()
  const moves: Promise<number>[] = []
  for (let start = 0; start < entries.length; start += rowsPerInsert) {
    const entryIds = entries.slice(start, start + rowsPerInsert).map(({ entryId }) => entryId)
    moves.push(moveEntries(db, entryIds, head.size - entries.length + start))
  }
  const [moved] = await Promise.all([Promise.all(moves), headWrite])
  return moved.reduce((total, count) => total + count, 0) === entries.length
}

/** Moves entries from the intake to the log. @returns number of entries that moved */
async function moveEntries(db: Kysely<Schema>, entryIds: readonly string[], firstIndex: number): Promise<number> {
  const insert = db
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
  const removal = db.deleteFrom("audit_intake").where("entry_id", "in", entryIds)
  const [inserted] = await Promise.all([insert.executeTakeFirst(), removal.execute()])
  return Number(inserted.numInsertedOrUpdatedRows)
}

function preparedEntry(row: Schema["audit_intake"]): PreparedAuditEntry {
  return {
    entryId: row.entry_id,
    tenantId: row.tenant_id,
    recordedAtMs: row.recorded_at_ms,
    leaf: decodeBytes(row.leaf),
  }
}
