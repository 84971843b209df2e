import type { HostCall } from "@apeiro-cmk/audit-log"
import { isCodedError } from "@apeiro-cmk/plugin-interface"
import { backendRequest, eventOf, failureOf } from "./audit-trail.ts"
import type { HierarchyServices, StoredTenantKey } from "./ports.ts"
import type { KeyLifecycleState, TenantKeyWrap } from "./records.ts"
import { openTenantKey } from "./tenant-key-opener.ts"
import { ServiceKeyCheck, type ServiceKeyVerification } from "./verify-service-keys.ts"

/** What is true of one wrap of a tenant key at this moment. */
export interface WrapVerification {
  readonly keystoreId: string
  readonly l1KeyId: string
  readonly l1KeyIdentity: string
  readonly l1KeyVersion: string
  readonly state: TenantKeyWrap["state"]
  /** L1 opened it just now, and what came out fits the commitment. */
  readonly opens: boolean
  /** Why it did not open. `KEY_MISMATCH`: it opened, and held something else. */
  readonly code?: string
  readonly nextStep?: string
  /** The audit entry that tells of the making of this wrap. */
  readonly auditEntryId: string
  /** The audit entry of this verification. */
  readonly verificationEntryId: string
}

/** One version of a tenant key and its wraps. */
export interface TenantKeyVerification {
  readonly keyId: string
  readonly version: number
  readonly state: KeyLifecycleState
  readonly createdAtMs: number
  readonly wraps: readonly WrapVerification[]
}

/** What is true of a tenant's keys at this moment. */
export interface TenantVerification {
  /** Oldest first. */
  readonly tenantKeys: readonly TenantKeyVerification[]
  /** By name and version. */
  readonly serviceKeys: readonly ServiceKeyVerification[]
}

/**
 * Has L1 open every wrap of a tenant, and says of each whether it holds the tenant key; opens every service key with
 * it, and says of each whether it does. Nothing is kept in memory.
 */
export async function verifyTenant(
  services: HierarchyServices,
  tenantId: string,
  call: HostCall,
): Promise<TenantVerification> {
  const verified: TenantKeyVerification[] = []
  // Read first: a service key that is made meanwhile hangs on a tenant key that would not be among those below.
  const check = new ServiceKeyCheck(await services.keys.serviceKeys(tenantId))
  for (const stored of await services.keys.tenantKeys(tenantId)) {
    const { keyId, version, state, createdAtMs } = stored.key
    const wraps: WrapVerification[] = []
    for (const wrap of stored.wraps) wraps.push(await verifyWrap(services, stored, wrap, check, call))
    verified.push({ keyId, version, state, createdAtMs, wraps })
  }
  return { tenantKeys: verified, serviceKeys: await check.results(services, call) }
}

async function verifyWrap(
  { audit, l1 }: HierarchyServices,
  stored: StoredTenantKey,
  wrap: TenantKeyWrap,
  check: ServiceKeyCheck,
  call: HostCall,
): Promise<WrapVerification> {
  const { tenantId, keyId, version } = stored.key
  const event = {
    ...eventOf("tenantKeyUnwrap", tenantId, call),
    resource: { type: "tenantKey", id: keyId, version: String(version) },
    keystoreId: wrap.keystoreId,
    facts: { purpose: "verification", wrap_entry_id: wrap.auditEntryId },
  } as const
  const { keystoreId, l1KeyId, l1KeyIdentity, l1KeyVersion, state, auditEntryId } = wrap
  const about = { keystoreId, l1KeyId, l1KeyIdentity, l1KeyVersion, state, auditEntryId }
  try {
    const { key, backendRequestId } = await openTenantKey(l1, stored, wrap, call)
    check.openUnder(stored.key, key)
    const entry = await audit.record({ ...event, outcome: "success", ...backendRequest(backendRequestId) })
    return { ...about, opens: true, verificationEntryId: entry.entryId }
  } catch (error) {
    check.unopened(stored.key, error)
    const failure = failureOf(error)
    const entry = await audit.record({ ...event, ...failure })
    const nextStep = isCodedError(error) ? { nextStep: error.nextStep } : {}
    return { ...about, opens: false, code: failure.code, ...nextStep, verificationEntryId: entry.entryId }
  }
}
