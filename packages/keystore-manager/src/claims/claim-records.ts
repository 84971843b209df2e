import type { PreparedAuditEntry } from "@apeiro-cmk/audit-log"
import type { KeystoreRecord } from "../records.ts"

/** A claim: the tenant that an L1 key serves. */
export interface ClaimRecord {
  /** Another one each time the key is claimed. */
  readonly claimId: string
  readonly pluginType: string
  /** Canonical identity of the key, as a keystore stated it. */
  readonly keyIdentity: string
  readonly tenantId: string
  /** The tenant's keystore that names the key: the active one, where several do. */
  readonly keystoreId?: string
  readonly claimedAtMs: number
  /** Since when the holder's keystore has not answered a request for the release. */
  readonly contestedAtMs?: number
}

/** A claim that passes to another tenant. */
export interface ClaimTransfer {
  readonly claim: ClaimRecord
  /** The keystore whose tenant gets the claim, in the revision that was asked. */
  readonly claimant: KeystoreRecord
  readonly atMs: number
}

/** Stores and reads claims. Persistence implements it; a write and its audit entries are one transaction. */
export interface ClaimRepository {
  /** Lists claims, by claim id. @param after - a claim id; those behind it */
  claims(page: { readonly after?: string; readonly limit: number }): Promise<readonly ClaimRecord[]>
  /** Reads a claim. */
  claim(claimId: string): Promise<ClaimRecord | undefined>
  /** Notes since when a claim is contested, or that it is not; does nothing to a claim that is gone. */
  markContested(claimId: string, contestedAtMs: number | undefined, audit: readonly PreparedAuditEntry[]): Promise<void>
  /**
   * Gives a claim to the tenant of another keystore, which becomes the claimed one. The former holder's keystore and keys
   * stay as they are.
   * @returns the claim as it is now
   * @throws {CodedError} NOT_FOUND - the claim is gone
   * @throws {CodedError} STALE_REVISION - the claimant's keystore has changed
   */
  transferClaim(transfer: ClaimTransfer, audit: readonly PreparedAuditEntry[]): Promise<ClaimRecord>
}
