import type { AuditIntakeRepository, PreparedAuditEntry } from "@apeiro-cmk/audit-log"
import type { Kysely } from "kysely"
import { encodeBytes } from "../encoding.ts"
import type { Schema } from "../schema.ts"
import type { Store } from "../store.ts"

/** Rows per insert: four values each, well below the 32,766 parameters of SQLite and the 65,535 of PostgreSQL. */
const rowsPerInsert = 1000

/**
 * Stores audit entries until the sequencer moves them: the recorder commits many with one insert and one flush to disk.
 */
export class StoredAuditIntake implements AuditIntakeRepository {
  readonly #store: Store

  constructor(store: Store) {
    this.#store = store
  }

  async append(entries: readonly PreparedAuditEntry[]) {
    if (entries.length === 0) return
    if (entries.length <= rowsPerInsert) await this.#store.run((db) => insertAuditEntries(db, entries))
    else await this.#store.transaction((transaction) => insertAuditEntries(transaction, entries), "read committed")
  }
}

/** Stores audit entries inside the transaction of the change that they record. */
export async function insertAuditEntries(db: Kysely<Schema>, entries: readonly PreparedAuditEntry[]): Promise<void> {
  for (let start = 0; start < entries.length; start += rowsPerInsert) {
    const rows = entries.slice(start, start + rowsPerInsert).map((entry) => ({
      entry_id: entry.entryId,
      tenant_id: entry.tenantId,
      recorded_at_ms: entry.recordedAtMs,
      leaf: encodeBytes(entry.leaf),
    }))
    await db.insertInto("audit_intake").values(rows).execute()
  }
}
