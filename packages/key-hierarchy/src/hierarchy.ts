import type { HostCall } from "@apeiro-cmk/host-call"
import { createServiceKey } from "./create-service-key.ts"
import { DataKeys, type GeneratedDataKey, type RewrappedDataKey, type UnwrappedDataKey } from "./data-keys.ts"
import { exportKeys } from "./key-export.ts"
import type { KeyExport } from "./key-export-document.ts"
import type { LeasedAnswer } from "./leased-answer.ts"
import type { HierarchyServices } from "./ports.ts"
import type { ServiceKeyRecord } from "./records.ts"
import { ServiceKeys } from "./service-keys.ts"
import { TenantKeyLeases } from "./tenant-key-leases.ts"
import { type TenantVerification, TenantVerifier } from "./verify-tenant.ts"

/**
 * Makes and opens the keys of every tenant, L2 to L4.
 *
 * Every method but `close` is in the tenant's audit log before it answers, failures too, and rejects with `AuditError`
 * AUDIT_UNAVAILABLE where that is not possible. A failure of L1 is a `PluginError`, unchanged.
 */
export interface KeyHierarchy {
  /**
   * Makes and stores a service key (L3).
   *
   * @param name - `^[a-z0-9][a-z0-9-]{0,62}$`
   * @throws {KeyHierarchyError} SERVICE_KEY_NAME_INVALID, TENANT_KEY_MISSING, KEY_STATE_FORBIDS
   * @throws {CodedError} ALREADY_EXISTS - the tenant has a service key of that name
   */
  createServiceKey(tenantId: string, name: string, call: HostCall): Promise<ServiceKeyRecord>
  /**
   * Makes a data key (L4). Waits for L1 only while the tenant has no lease. The answer is to be given by `giveTogether`,
   * which refuses it by LEASE_ENDED where the tenant key is not leased at that moment.
   *
   * @throws {KeyHierarchyError} SERVICE_KEY_NOT_FOUND, KEY_STATE_FORBIDS, SERVICE_KEY_UNREADABLE
   */
  generateDataKey(tenantId: string, serviceKeyName: string, call: HostCall): Promise<LeasedAnswer<GeneratedDataKey>>
  /**
   * Opens the envelope of a data key. The answer is given as that of {@link generateDataKey}.
   *
   * @param envelope - bytes as specified in docs/envelope.md, at most 1 KiB
   * @throws {KeyHierarchyError} CIPHERTEXT_REJECTED - altered, or another tenant's, key's or version's (never says which)
   * @throws {KeyHierarchyError} SERVICE_KEY_NOT_FOUND, KEY_STATE_FORBIDS, SERVICE_KEY_UNREADABLE
   */
  unwrapDataKey(
    tenantId: string,
    serviceKeyName: string,
    envelope: Uint8Array,
    call: HostCall,
  ): Promise<LeasedAnswer<UnwrappedDataKey>>
  /**
   * Wraps the same data key under the newest version of its service key. Its answer and its errors are as those of
   * {@link unwrapDataKey}.
   */
  rewrapDataKey(
    tenantId: string,
    serviceKeyName: string,
    envelope: Uint8Array,
    call: HostCall,
  ): Promise<LeasedAnswer<RewrappedDataKey>>
  /** Exports what `recoverDataKey` needs: wraps and envelopes, no secret. */
  exportKeys(tenantId: string, call: HostCall): Promise<KeyExport>
  /**
   * Has L1 unwrap every good wrap and reports whether it holds the tenant key; opens every service key and reports
   * whether it opens. A quarantined wrap is reported without asking L1. One verification of a tenant runs at a time.
   *
   * @throws {KeyHierarchyError} VERIFICATION_RUNNING
   */
  verifyTenant(tenantId: string, call: HostCall): Promise<TenantVerification>
  /** Takes all keys out of memory. Later calls reject with CANCELLED. Idempotent. */
  close(): Promise<void>
}

/** Makes the key hierarchy of a host. It reads nothing and asks no keystore until it is used. */
export function createKeyHierarchy(services: HierarchyServices): KeyHierarchy {
  const leases = new TenantKeyLeases(services)
  const serviceKeys = new ServiceKeys(services, leases)
  const dataKeys = new DataKeys(serviceKeys, services.audit, services.random)
  const verifier = new TenantVerifier(services)
  return {
    createServiceKey: (tenantId, name, call) => createServiceKey(services, leases, tenantId, name, call),
    generateDataKey: (tenantId, name, call) => dataKeys.generate(tenantId, name, call),
    unwrapDataKey: (tenantId, name, envelope, call) => dataKeys.unwrap(tenantId, name, envelope, call),
    rewrapDataKey: (tenantId, name, envelope, call) => dataKeys.rewrap(tenantId, name, envelope, call),
    exportKeys: (tenantId, call) => exportKeys(services, tenantId, call),
    verifyTenant: (tenantId, call) => verifier.verify(tenantId, call),
    async close() {
      await Promise.all([leases.close(), serviceKeys.close()])
    },
  }
}
