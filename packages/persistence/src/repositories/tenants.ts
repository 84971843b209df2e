import type { PreparedAuditEntry } from "@apeiro-cmk/audit-log"
import type { Page } from "@apeiro-cmk/host-call"
import { restating } from "../errors.ts"
import type { TenantRecord, TenantRepository } from "../ports.ts"
import type { Schema } from "../schema.ts"
import type { Store } from "../store.ts"
import { insertAuditEntries } from "./audit-intake.ts"

/** Stores tenants. */
export class StoredTenants implements TenantRepository {
  readonly #store: Store

  constructor(store: Store) {
    this.#store = store
  }

  async insertTenant(record: TenantRecord, audit: readonly PreparedAuditEntry[]) {
    await restating({ ALREADY_EXISTS: `There is already a tenant "${record.tenantId}".` }, () =>
      this.#store.transaction(async (transaction) => {
        await transaction.insertInto("tenants").values(tenantRow(record)).execute()
        await insertAuditEntries(transaction, audit)
      }),
    )
  }

  async tenant(tenantId: string) {
    const row = await this.#store.run((db) =>
      db.selectFrom("tenants").selectAll().where("tenant_id", "=", tenantId).executeTakeFirst(),
    )
    return row === undefined ? undefined : tenantRecord(row)
  }

  async tenants({ after = "", limit }: Page<string>) {
    const rows = await this.#store.run((db) =>
      db.selectFrom("tenants").selectAll().where("tenant_id", ">", after).orderBy("tenant_id").limit(limit).execute(),
    )
    return rows.map(tenantRecord)
  }
}

function tenantRow(record: TenantRecord): Schema["tenants"] {
  return {
    tenant_id: record.tenantId,
    display_name: record.displayName,
    created_at_ms: record.createdAtMs,
    custody_mode: record.custodyMode,
    lease_ms: record.leaseMs,
    epoch: record.epoch,
    state: record.state,
  }
}

function tenantRecord(row: Schema["tenants"]): TenantRecord {
  return {
    tenantId: row.tenant_id,
    displayName: row.display_name,
    createdAtMs: row.created_at_ms,
    custodyMode: row.custody_mode,
    leaseMs: row.lease_ms,
    epoch: row.epoch,
    state: row.state,
  }
}
