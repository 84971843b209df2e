import type { AuditRecorder, PreparedAuditEntry } from "@apeiro-cmk/audit-log"
import type { HostCall, Page } from "@apeiro-cmk/host-call"
import type { Clock, CodedError, EncryptionContext, Logger, RandomSource } from "@apeiro-cmk/plugin-interface"
import type { ServiceKeyRecord, TenantCustody, TenantKeyRecord, TenantKeyWrap } from "./records.ts"

/** One version of a tenant key, with its wraps. */
export interface StoredTenantKey {
  readonly key: TenantKeyRecord
  readonly wraps: readonly TenantKeyWrap[]
}

/**
 * Codes of the errors with which {@link KeyRepository} refuses a request. Failures of the database itself have codes of
 * their own.
 */
export type KeyStorageErrorCode = "ALREADY_EXISTS"

/** Stores and reads keys. Persistence implements it; a write and its audit entries are one transaction. */
export interface KeyRepository {
  /** Reads the custody of a tenant. @returns undefined when there is no such tenant */
  custody(tenantId: string): Promise<TenantCustody | undefined>
  /** Reads the newest version of the tenant key that is Active. */
  activeTenantKey(tenantId: string): Promise<StoredTenantKey | undefined>
  /** Reads one version of a tenant key. */
  tenantKey(tenantId: string, keyId: string, version: number): Promise<StoredTenantKey | undefined>
  /** Lists all versions of the tenant key, oldest first. */
  tenantKeys(tenantId: string): Promise<readonly StoredTenantKey[]>
  /** Reads the newest version of the service key of that name. */
  serviceKeyByName(tenantId: string, name: string): Promise<ServiceKeyRecord | undefined>
  /** Reads one version of a service key. */
  serviceKey(tenantId: string, serviceKeyId: string, version: number): Promise<ServiceKeyRecord | undefined>
  /** Lists all versions of all service keys, by name and version. */
  serviceKeys(tenantId: string): Promise<readonly ServiceKeyRecord[]>
  /** Stores a service key. @throws {CodedError} ALREADY_EXISTS - the tenant has a service key of that name */
  insertServiceKey(record: ServiceKeyRecord, audit: readonly PreparedAuditEntry[]): Promise<void>
}

/** Lists service keys for callers of the API. Persistence implements it. */
export interface ServiceKeyList {
  /** Lists the versions of the tenant's service keys, by name and version. */
  serviceKeyPage(
    tenantId: string,
    page: Page<readonly [name: string, version: number]>,
  ): Promise<readonly ServiceKeyRecord[]>
}

/** Result of wrapping by L1. */
export interface L1Wrap {
  readonly ciphertext: Uint8Array
  /** The L1 key, as its keystore names it. */
  readonly l1KeyId: string
  /** Canonical identity of the L1 key, as claimed. */
  readonly l1KeyIdentity: string
  readonly l1KeyVersion: string
  /** The keystore's own id of the request. */
  readonly backendRequestId?: string
}

/** Reaches the tenant's L1 keys in their keystores. The keystore manager implements it. */
export interface L1Port {
  /** Wraps a plaintext by the L1 key of a keystore. @throws {PluginError} any code of a keystore failure */
  encrypt(
    request: { readonly keystoreId: string; readonly plaintext: Uint8Array; readonly context: EncryptionContext },
    call: HostCall,
  ): Promise<L1Wrap>
  /**
   * Unwraps a ciphertext of {@link encrypt}.
   *
   * @returns the plaintext; the caller fills it with zeros after use
   * @throws {PluginError} any code of a keystore failure
   */
  decrypt(
    request: {
      readonly keystoreId: string
      readonly l1KeyId: string
      readonly l1KeyVersion: string
      readonly ciphertext: Uint8Array
      readonly context: EncryptionContext
      /** `lease`: without it the tenant is not served. `check`, the default: somebody wants to know whether it works. */
      readonly purpose?: "lease" | "check"
    },
    call: HostCall,
  ): Promise<{ readonly plaintext: Uint8Array; readonly backendRequestId?: string }>
  /**
   * Hears whether the stored wrap of a tenant key opened. Only the hierarchy knows whether what {@link decrypt} returned
   * is that key. Not called where the keystore gave no answer about the wrap.
   *
   * @param failure - undefined where it opened
   */
  noteStoredWrap(wrap: TenantKeyWrap, failure: CodedError | undefined): void
}

/** A new tenant key that is not stored yet: the activation of a keystore stores it with the claim. */
export interface PreparedTenantKey {
  readonly key: TenantKeyRecord
  readonly wraps: readonly TenantKeyWrap[]
  readonly audit: readonly PreparedAuditEntry[]
}

/** Services that the key hierarchy uses. */
export interface HierarchyServices {
  readonly keys: KeyRepository
  readonly l1: L1Port
  readonly audit: AuditRecorder
  readonly clock: Clock
  readonly random: RandomSource
  readonly logger: Logger
}
