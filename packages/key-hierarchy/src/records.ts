/** States of a key: NIST SP 800-57 part 1, section 7. */
export type KeyLifecycleState = "PreActive" | "Active" | "Suspended" | "Deactivated" | "Compromised" | "Destroyed"

/** One version of a tenant key (L2), without its material. */
export interface TenantKeyRecord {
  readonly tenantId: string
  /** UUIDv7. */
  readonly keyId: string
  /** From 1. */
  readonly version: number
  readonly state: KeyLifecycleState
  /** L2 commitment, 32 bytes; see docs/envelope.md. */
  readonly commitment: Uint8Array
  readonly createdAtMs: number
}

/** The material of one version of a tenant key, wrapped by one L1 key. */
export interface TenantKeyWrap {
  readonly tenantId: string
  readonly keyId: string
  readonly keyVersion: number
  readonly keystoreId: string
  /** The L1 key, as its keystore names it. */
  readonly l1KeyId: string
  /** Canonical identity of the L1 key, as claimed. */
  readonly l1KeyIdentity: string
  readonly l1KeyVersion: string
  readonly ciphertext: Uint8Array
  readonly state: "good" | "quarantined"
  readonly createdAtMs: number
  /** Id of the audit entry that records this wrap. */
  readonly auditEntryId: string
}

/** One version of a service key (L3), wrapped by a tenant key. */
export interface ServiceKeyRecord {
  readonly tenantId: string
  /** UUIDv7. */
  readonly serviceKeyId: string
  /** Unique per tenant: `^[a-z0-9][a-z0-9-]{0,62}$`. */
  readonly name: string
  readonly version: number
  readonly state: KeyLifecycleState
  readonly parentKeyId: string
  readonly parentKeyVersion: number
  /** The wrapped key; see docs/envelope.md. */
  readonly envelope: Uint8Array
  readonly createdAtMs: number
}

/** Facts about a tenant that are read at each renewal of a lease. */
export interface TenantCustody {
  /** Grows whenever every lease of the tenant must end. */
  readonly epoch: number
  /** Length of a lease, in milliseconds: 2,000 to 300,000. */
  readonly leaseMs: number
}
