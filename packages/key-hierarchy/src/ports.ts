import type { AuditRecorder, HostCall, PreparedAuditEntry } from "@apeiro-cmk/audit-log"
import type { Clock, EncryptionContext, Logger, RandomSource } from "@apeiro-cmk/plugin-interface"
import type { ServiceKeyRecord, TenantCustody, TenantKeyRecord, TenantKeyWrap } from "./records.ts"

/** A tenant key version with its wraps. */
export interface StoredTenantKey {
  readonly key: TenantKeyRecord
  readonly wraps: readonly TenantKeyWrap[]
}

/** Keys as they are stored. Persistence implements it; writes take their audit entries along into one transaction. */
export interface KeyRepository {
  /** @returns undefined when there is no such tenant */
  custody(tenantId: string): Promise<TenantCustody | undefined>
  /** The newest version of the tenant's key that is Active. */
  activeTenantKey(tenantId: string): Promise<StoredTenantKey | undefined>
  tenantKey(tenantId: string, keyId: string, version: number): Promise<StoredTenantKey | undefined>
  /** All versions, oldest first. */
  tenantKeys(tenantId: string): Promise<readonly StoredTenantKey[]>
  /** Newest version of the service key of that name. */
  serviceKeyByName(tenantId: string, name: string): Promise<ServiceKeyRecord | undefined>
  serviceKey(tenantId: string, serviceKeyId: string, version: number): Promise<ServiceKeyRecord | undefined>
  /** All versions, by name and version. */
  serviceKeys(tenantId: string): Promise<readonly ServiceKeyRecord[]>
  /** @throws {PersistenceError} ALREADY_EXISTS - the tenant has a service key of that name */
  insertServiceKey(record: ServiceKeyRecord, audit: readonly PreparedAuditEntry[]): Promise<void>
}

/** What L1 made of a plaintext. */
export interface L1Wrap {
  readonly ciphertext: Uint8Array
  readonly l1KeyId: string
  readonly l1KeyIdentity: string
  readonly l1KeyVersion: string
  readonly backendRequestId?: string
}

/** The tenant's L1 keys, in their keystores. The keystore manager implements it. */
export interface L1Port {
  encrypt(
    request: { readonly keystoreId: string; readonly plaintext: Uint8Array; readonly context: EncryptionContext },
    call: HostCall,
  ): Promise<L1Wrap>
  /** @returns the plaintext; the caller fills it with zeros after use */
  decrypt(
    request: {
      readonly keystoreId: string
      readonly l1KeyId: string
      readonly l1KeyVersion: string
      readonly ciphertext: Uint8Array
      readonly context: EncryptionContext
    },
    call: HostCall,
  ): Promise<{ readonly plaintext: Uint8Array; readonly backendRequestId?: string }>
}

/** A new tenant key that is not stored yet: the activation of a keystore stores it together with the claim. */
export interface PreparedTenantKey {
  readonly key: TenantKeyRecord
  readonly wraps: readonly TenantKeyWrap[]
  readonly audit: readonly PreparedAuditEntry[]
}

/** What a key hierarchy is made of. */
export interface HierarchyServices {
  readonly keys: KeyRepository
  readonly l1: L1Port
  readonly audit: AuditRecorder
  readonly clock: Clock
  readonly random: RandomSource
  readonly logger: Logger
}
