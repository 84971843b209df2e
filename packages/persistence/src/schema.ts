import type { KeyLifecycleState } from "@apeiro-cmk/key-hierarchy"

/**
 * The tables, as the repositories see them. One portable subset of SQL serves SQLite and PostgreSQL: ids and enums are
 * `text`, times `bigint` milliseconds since the Unix epoch, JSON is `text` that no query looks into, bytes are
 * base64url `text`, booleans `integer` 0 or 1, and sequence numbers are assigned inside the transaction.
 *
 * Columns that no query of this version uses are not listed here; the README lists them, and the migrations make them.
 */
export interface Schema {
  tenants: TenantsTable
  tokens: TokensTable
  keystores: KeystoresTable
  credentials: CredentialsTable
  l1_claims: L1ClaimsTable
  tenant_keys: TenantKeysTable
  tenant_key_wraps: TenantKeyWrapsTable
  service_keys: ServiceKeysTable
  audit_intake: AuditIntakeTable
  audit_entries: AuditEntriesTable
  audit_heads: AuditHeadsTable
  audit_sequencer: AuditSequencerTable
  idempotency_keys: IdempotencyKeysTable
  jobs: JobsTable
  shared_facts: SharedFactsTable
  platform_keystores: PlatformKeystoresTable
  operation_counts: OperationCountsTable
  write_trial: WriteTrialTable
  key_removals: KeyRemovalsTable
}

interface TenantsTable {
  tenant_id: string
  display_name: string
  created_at_ms: number
  custody_mode: "byok" | "hyok"
  lease_ms: number
  epoch: number
  state: "active" | "suspended"
}

interface TokensTable {
  token_id: string
  tenant_id: string
  role: "reader" | "administrator" | "workload"
  hash: string
  created_at_ms: number
  expires_at_ms: number
  revoked_at_ms: number | null
}

interface KeystoresTable {
  tenant_id: string
  keystore_id: string
  plugin_type: string
  configuration: string
  credential_fields: string
  state: "inactive" | "active"
  /** Order of use while active: 0 is the primary; null while inactive. */
  position: number | null
  key_identity: string | null
  revision: number
  created_at_ms: number
  updated_at_ms: number
}

interface CredentialsTable {
  tenant_id: string
  keystore_id: string
  name: string
  version: number
  sealed: string
  created_at_ms: number
}

interface L1ClaimsTable {
  claim_id: string
  plugin_type: string
  key_identity: string
  tenant_id: string
  claimed_at_ms: number
  contested_at_ms: number | null
}

interface TenantKeysTable {
  tenant_id: string
  key_id: string
  version: number
  state: KeyLifecycleState
  commitment: string
  created_at_ms: number
}

interface TenantKeyWrapsTable {
  tenant_id: string
  key_id: string
  key_version: number
  keystore_id: string
  l1_key_id: string
  l1_key_identity: string
  l1_key_version: string
  ciphertext: string
  state: "good" | "quarantined"
  created_at_ms: number
  audit_entry_id: string
}

interface ServiceKeysTable {
  tenant_id: string
  service_key_id: string
  version: number
  name: string
  state: KeyLifecycleState
  parent_key_id: string
  parent_key_version: number
  envelope: string
  created_at_ms: number
}

interface AuditIntakeTable {
  entry_id: string
  tenant_id: string
  recorded_at_ms: number
  leaf: string
}

interface AuditEntriesTable extends AuditIntakeTable {
  entry_index: number
}

interface AuditHeadsTable {
  tenant_id: string
  size: number
  subtrees: string
}

interface AuditSequencerTable {
  sequencer_id: string
  fence: number
  replica: string
}

interface IdempotencyKeysTable {
  subject: string
  idempotency_key: string
  /** Null for the platform's own, which no quota bounds. */
  tenant_id: string | null
  request_hash: string
  attempt: number
  begun_at_ms: number
  expires_at_ms: number
  response_status: number | null
  response_body: string | null
}

interface JobsTable {
  job_id: string
  name: string
  job_key: string | null
  live_key: string | null
  payload: string
  state: "queued" | "active" | "done" | "dead"
  attempt: number
  run_at_ms: number
  failure: string | null
  created_at_ms: number
  ended_at_ms: number | null
}

interface OperationCountsTable {
  tenant_id: string
  keystore_id: string
  /** Hours since the Unix epoch. */
  hour: number
  taken: number
  /** Part of `taken` that served other work than renewals of leases. */
  taken_by_other_work: number
}

interface SharedFactsTable {
  name: string
  value: string
}

interface PlatformKeystoresTable {
  tenant_id: string
  keystore_id: string
  plugin_type: string
  state: "pending" | "ready" | "failed" | "removing"
  configuration: string | null
  failure: string | null
  requested_by: string
  requested_at_ms: number
  updated_at_ms: number
}

interface WriteTrialTable {
  trial: number
  filler: string
}

interface KeyRemovalsTable {
  plugin_type: string
  identity_prefix: string
  began_at_ms: number
}
