import { backendRequestOf, eventOf, failureOf, type HostCall } from "@apeiro-cmk/host-call"
import { isCodedError } from "@apeiro-cmk/plugin-interface"
import { KeyHierarchyError } from "./error.ts"
import type { HierarchyServices, StoredTenantKey } from "./ports.ts"
import type { KeyLifecycleState, TenantKeyWrap } from "./records.ts"
import { openTenantKey, wrapToOpen } from "./tenant-key-opener.ts"
import { ServiceKeyCheck, type ServiceKeyVerification } from "./verify-service-keys.ts"

/** Findings about one wrap of a tenant key. */
export interface WrapVerification {
  readonly keystoreId: string
  readonly l1KeyId: string
  readonly l1KeyIdentity: string
  readonly l1KeyVersion: string
  readonly state: TenantKeyWrap["state"]
  /** Whether L1 has just opened it, and the result matches the commitment. */
  readonly opens: boolean
  /** Why it did not open. `KEY_MISMATCH`: it holds another key, or is quarantined for that. */
  readonly code?: string
  readonly nextStep?: string
  /** Id of the audit entry that records the making of this wrap. */
  readonly auditEntryId: string
  /** Id of the audit entry of this verification. */
  readonly verificationEntryId: string
}

/** Findings about one version of a tenant key and its wraps. */
export interface TenantKeyVerification {
  readonly keyId: string
  readonly version: number
  readonly state: KeyLifecycleState
  readonly createdAtMs: number
  readonly wraps: readonly WrapVerification[]
}

/** Findings about the keys of a tenant. */
export interface TenantVerification {
  /** Oldest first. */
  readonly tenantKeys: readonly TenantKeyVerification[]
  /** By name and version. */
  readonly serviceKeys: readonly ServiceKeyVerification[]
}

/** Verifies tenants, each of them once at a time. */
export class TenantVerifier {
  readonly #services: HierarchyServices
  readonly #running = new Set<string>()

  constructor(services: HierarchyServices) {
    this.#services = services
  }

  /**
   * Has L1 open every good wrap of a tenant and reports whether it holds the tenant key; opens every service key and
   * reports whether it opens. A quarantined wrap is reported without asking L1. Keeps nothing in memory.
   *
   * @throws {KeyHierarchyError} VERIFICATION_RUNNING - this host is verifying the tenant
   */
  async verify(tenantId: string, call: HostCall): Promise<TenantVerification> {
    if (this.#running.has(tenantId)) throw verificationRunning()
    this.#running.add(tenantId)
    try {
      return await verifyTenant(this.#services, tenantId, call)
    } finally {
      this.#running.delete(tenantId)
    }
  }
}

async function verifyTenant(
  services: HierarchyServices,
  tenantId: string,
  call: HostCall,
): Promise<TenantVerification> {
  const verified: TenantKeyVerification[] = []
  // Service keys are read first: one that is made meanwhile may be under a tenant key that is not listed below.
  const check = new ServiceKeyCheck(await services.keys.serviceKeys(tenantId))
  for (const stored of await services.keys.tenantKeys(tenantId)) {
    const { keyId, version, state, createdAtMs } = stored.key
    const wraps: WrapVerification[] = []
    for (const wrap of stored.wraps) wraps.push(await verifyWrap(services, stored, wrap, check, call))
    verified.push({ keyId, version, state, createdAtMs, wraps })
  }
  return { tenantKeys: verified, serviceKeys: await check.results(services, call) }
}

/** Services that verifying the wraps of one keystore uses. */
export type StoredWrapServices = Pick<HierarchyServices, "audit" | "l1"> & {
  readonly keys: Pick<HierarchyServices["keys"], "tenantKeys">
}

/** A stored wrap, and the findings about it. */
export interface VerifiedWrap {
  readonly wrap: TenantKeyWrap
  readonly finding: WrapVerification
}

/** Has L1 open every stored wrap that a keystore made, oldest first, as {@link verifyTenant} does. */
export async function verifyStoredWraps(
  services: StoredWrapServices,
  target: { readonly tenantId: string; readonly keystoreId: string },
  call: HostCall,
): Promise<readonly VerifiedWrap[]> {
  const found: VerifiedWrap[] = []
  for (const stored of await services.keys.tenantKeys(target.tenantId)) {
    for (const wrap of stored.wraps.filter(({ keystoreId }) => keystoreId === target.keystoreId)) {
      found.push({ wrap, finding: await verifyWrap(services, stored, wrap, new ServiceKeyCheck([]), call) })
    }
  }
  return found
}

async function verifyWrap(
  { audit, l1 }: Pick<HierarchyServices, "audit" | "l1">,
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
    // Findings are about wraps, so the state of the tenant key forbids nothing here.
    const { key, backendRequestId } = await openTenantKey(l1, stored, wrapToOpen([wrap], {}), "check", call)
    await check.openUnder(stored.key, key)
    const entry = await audit.record({ ...event, outcome: "success", ...backendRequestOf(backendRequestId) })
    return { ...about, opens: true, verificationEntryId: entry.entryId }
  } catch (error) {
    check.unopened(stored.key, error)
    const failure = failureOf(error)
    const entry = await audit.record({ ...event, ...failure })
    const nextStep = isCodedError(error) ? { nextStep: error.nextStep } : {}
    return { ...about, opens: false, code: failure.code, ...nextStep, verificationEntryId: entry.entryId }
  }
}

function verificationRunning(): KeyHierarchyError {
  return new KeyHierarchyError("VERIFICATION_RUNNING", "A verification of this tenant is running.", {
    origin: "caller",
    retryable: true,
    nextStep: "Wait for its answer, and try again.",
    retryAfterMs: 1000,
  })
}
