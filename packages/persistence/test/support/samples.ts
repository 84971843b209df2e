import { randomBytes, randomUUID } from "node:crypto"
import {
  type AuditLogRepository,
  appendLeaf,
  emptyTree,
  type Integration,
  type PreparedAuditEntry,
  type SequencedAuditEntry,
  type TreeHead,
} from "@apeiro-cmk/audit-log"
import type { SealedCredential } from "@apeiro-cmk/credential-store"
import type { PreparedTenantKey, ServiceKeyRecord } from "@apeiro-cmk/key-hierarchy"
import type { KeystoreActivation, KeystoreRecord } from "@apeiro-cmk/keystore-manager"
import type { Database, TenantRecord, TokenRecord } from "../../src/index.ts"

export const atMs = Date.parse("2026-11-25T08:00:00Z")

let lastEntry = 0

/** Makes an entry; the ids sort in the order of creation, as those of UUIDv7 do. */
export function auditEntry(overrides: Partial<PreparedAuditEntry> = {}): PreparedAuditEntry {
  lastEntry += 1
  const entryId = `019abc00-0000-7000-8000-${lastEntry.toString(16).padStart(12, "0")}`
  const leaf = new TextEncoder().encode(`{"entryId":"${entryId}"}`)
  return { entryId, tenantId: "acme", recordedAtMs: atMs + lastEntry, leaf, ...overrides }
}

export function tenant(overrides: Partial<TenantRecord> = {}): TenantRecord {
  return {
    tenantId: "acme",
    displayName: "Acme GmbH",
    createdAtMs: atMs,
    custodyMode: "byok",
    leaseMs: 30_000,
    epoch: 0,
    state: "active",
    ...overrides,
  }
}

export function token(overrides: Partial<TokenRecord> = {}): TokenRecord {
  return {
    tokenId: randomUUID(),
    tenantId: "acme",
    role: "workload",
    hash: Uint8Array.from(randomBytes(32)),
    createdAtMs: atMs,
    expiresAtMs: atMs + 3_600_000,
    ...overrides,
  }
}

export function keystore(overrides: Partial<KeystoreRecord> = {}): KeystoreRecord {
  return {
    tenantId: "acme",
    keystoreId: "openbao_production",
    pluginType: "openbao",
    configuration: {
      vault_address: "https://openbao.example:8200",
      tls: { server_name: null, retries: [1, 2.5, true] },
    },
    credentials: [{ name: "secret_id", version: 1 }],
    state: "inactive",
    revision: 1,
    createdAtMs: atMs,
    updatedAtMs: atMs,
    ...overrides,
  }
}

export function sealed(overrides: Partial<SealedCredential> = {}): SealedCredential {
  return {
    tenantId: "acme",
    keystoreId: "openbao_production",
    name: "secret_id",
    version: 1,
    sealed: new Uint8Array([0, 255, 1, 254]),
    createdAtMs: atMs,
    ...overrides,
  }
}

/** Makes a tenant key wrapped by the keystore of {@link keystore}. */
export function tenantKey(
  overrides: { tenantId?: string; keystoreId?: string; keyId?: string } = {},
): PreparedTenantKey {
  const { tenantId = "acme", keystoreId = "openbao_production", keyId = randomUUID() } = overrides
  const entry = auditEntry({ tenantId })
  return {
    key: { tenantId, keyId, version: 1, state: "Active", commitment: new Uint8Array(32).fill(7), createdAtMs: atMs },
    wraps: [
      {
        tenantId,
        keyId,
        keyVersion: 1,
        keystoreId,
        l1KeyId: "l1",
        l1KeyIdentity: "cluster/transit/l1",
        l1KeyVersion: "3",
        ciphertext: new TextEncoder().encode("vault:v3:abc"),
        state: "good",
        createdAtMs: atMs,
        auditEntryId: entry.entryId,
      },
    ],
    audit: [entry],
  }
}

export function activation(overrides: Partial<KeystoreActivation> = {}): KeystoreActivation {
  return {
    tenantId: "acme",
    keystoreId: "openbao_production",
    revision: 1,
    createdAtMs: keystore().createdAtMs,
    pluginType: "openbao",
    keyIdentity: "cluster/transit/l1",
    activatedAtMs: atMs + 5,
    ...overrides,
  }
}

export function serviceKey(parentKeyId: string, overrides: Partial<ServiceKeyRecord> = {}): ServiceKeyRecord {
  return {
    tenantId: "acme",
    serviceKeyId: randomUUID(),
    name: "orders",
    version: 1,
    state: "Active",
    parentKeyId,
    parentKeyVersion: 1,
    envelope: new Uint8Array([9, 8, 7]),
    createdAtMs: atMs,
    ...overrides,
  }
}

/** Integrates the waiting entries of one tenant as the sequencer does. */
export function integration(head: TreeHead, waiting: readonly PreparedAuditEntry[]): Integration {
  const entries = waiting.map((entry, offset) => ({ ...entry, index: head.size + offset }))
  return { entries, head: waiting.reduce((grown, entry) => appendLeaf(grown, entry.leaf), head) }
}

/** Computes the head that the entries of a tenant must lead to. */
export function headOf(tenantId: string, entries: readonly PreparedAuditEntry[]): TreeHead {
  return entries.reduce((head, entry) => appendLeaf(head, entry.leaf), emptyTree(tenantId))
}

/** Moves all waiting entries into the logs. */
export async function integrateAll(auditLog: AuditLogRepository): Promise<void> {
  const fence = await auditLog.takeFence("test")
  while (((await auditLog.integrate(fence, 1000, integration)) ?? 0) > 0);
}

/** Reads the whole log of a tenant in pages. */
export async function wholeLog(auditLog: AuditLogRepository, tenantId: string): Promise<SequencedAuditEntry[]> {
  const entries: SequencedAuditEntry[] = []
  for (;;) {
    const page = await auditLog.entries(tenantId, entries.length, 1000)
    if (page.length === 0) return entries
    entries.push(...page)
  }
}

/** Lists the ids of all entries recorded for a tenant. */
export async function recordedIds({ auditLog }: Database, tenantId: string): Promise<string[]> {
  await integrateAll(auditLog)
  return (await wholeLog(auditLog, tenantId)).map(({ entryId }) => entryId)
}
