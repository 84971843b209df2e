import type { PreparedAuditEntry } from "@apeiro-cmk/audit-log"
import type { SealedCredential } from "@apeiro-cmk/credential-store"
import type { Page } from "@apeiro-cmk/host-call"
import type { KeystoreRecord } from "@apeiro-cmk/keystore-manager"

/** One tenant, as stored. */
export interface TenantRecord {
  /** `^[a-z0-9][a-z0-9-]{0,39}$`. */
  readonly tenantId: string
  readonly displayName: string
  readonly createdAtMs: number
  /** `hyok`: no fallback and no grace; `byok`: ordered fallbacks, and a grace while the L1 cannot be reached. */
  readonly custodyMode: "byok" | "hyok"
  /** Length of a lease, in milliseconds: 2,000 to 300,000. */
  readonly leaseMs: number
  /** Grows when leases must end at once. */
  readonly epoch: number
  readonly state: "active" | "suspended"
}

/** Codes with which {@link TenantRepository} refuses a request. Failures of the database itself have their own codes. */
export type TenantStorageErrorCode = "ALREADY_EXISTS"

/** Stores tenants; a write and its audit entries are one transaction. */
export interface TenantRepository {
  /**
   * Stores a new tenant.
   * @throws {PersistenceError} ALREADY_EXISTS - the id is taken
   */
  insertTenant(record: TenantRecord, audit: readonly PreparedAuditEntry[]): Promise<void>
  /** Reads one tenant. @returns undefined when there is no such tenant */
  tenant(tenantId: string): Promise<TenantRecord | undefined>
  /** Lists tenants by id. */
  tenants(page: Page<string>): Promise<readonly TenantRecord[]>
}

/** Role of a bearer token: what its bearer may do. */
export type TokenRole = "reader" | "administrator" | "workload"

/** One bearer token of a tenant, without the token itself. */
export interface TokenRecord {
  /** UUIDv7; not secret. */
  readonly tokenId: string
  readonly tenantId: string
  readonly role: TokenRole
  /** SHA-256 of the token's 256 random bits, 32 bytes. */
  readonly hash: Uint8Array
  readonly createdAtMs: number
  readonly expiresAtMs: number
  readonly revokedAtMs?: number
}

/** Codes with which {@link TokenRepository} refuses a request. Failures of the database itself have their own codes. */
export type TokenStorageErrorCode = "ALREADY_EXISTS" | "NOT_FOUND"

/** Stores bearer tokens; a write and its audit entries are one transaction. */
export interface TokenRepository {
  /**
   * Stores a new token, and removes the oldest ended ones where the tenant has more of them than its quota.
   * @throws {PersistenceError} QUOTA_EXCEEDED
   * @throws {PersistenceError} ALREADY_EXISTS - the id or the hash is taken
   * @throws {PersistenceError} NOT_FOUND - there is no such tenant
   */
  insertToken(record: TokenRecord, audit: readonly PreparedAuditEntry[]): Promise<void>
  /**
   * Finds tokens by their hashes, including expired and revoked ones: the caller decides what counts.
   * @param hashes - at most 500
   */
  tokensByHash(hashes: readonly Uint8Array[]): Promise<readonly TokenRecord[]>
  /** Reads one token. @returns undefined when the tenant has no such token */
  token(tenantId: string, tokenId: string): Promise<TokenRecord | undefined>
  /** Lists the tenant's tokens, oldest first, including expired and revoked ones. */
  tokens(tenantId: string, page: Page<string>): Promise<readonly TokenRecord[]>
  /**
   * Revokes a token; one that is already revoked keeps its time, and nothing new is recorded.
   * @throws {PersistenceError} NOT_FOUND - the tenant has no such token
   */
  revokeToken(
    tenantId: string,
    tokenId: string,
    revokedAtMs: number,
    audit: readonly PreparedAuditEntry[],
  ): Promise<void>
}

/** A request that may arrive twice and must take effect once. */
export interface IdempotentRequest {
  /** Sender of the request, such as the id of a token: keys of different subjects never collide. */
  readonly subject: string
  /** The tenant whose quota the key counts in; absent for the platform's administrator. */
  readonly tenantId?: string
  /** The client's idempotency key. */
  readonly key: string
  /** Digest of method, path and body: the same key with another request is a conflict. */
  readonly requestHash: string
}

/** The right to carry out an idempotent request, until another attempt takes it over. */
export interface IdempotencyTicket {
  readonly subject: string
  readonly key: string
  /** Starts at 1 and grows with each take-over. */
  readonly attempt: number
}

/** The stored answer to a request. */
export interface StoredResponse {
  readonly status: number
  /**
   * The exact body, which is replayed unchanged. **It must never contain a secret**: a request whose answer shows a
   * secret once (a new token) must not be answered from here.
   */
  readonly body: string
}

/** The decision about an idempotent request. */
export type IdempotencyDecision =
  /** Carry it out, then complete the ticket. */
  | { readonly decision: "proceed"; readonly ticket: IdempotencyTicket }
  /** It was carried out before: give the same answer. */
  | { readonly decision: "replay"; readonly response: StoredResponse }
  /** Another request with this key is in progress. */
  | { readonly decision: "wait"; readonly retryAfterMs: number }
  /** The key was used for another request. */
  | { readonly decision: "conflict" }

/** Stores facts that must be the same at each start, and on all hosts of one database. */
export interface SharedFactRepository {
  /** Reads a value. @returns undefined where no host has stored one */
  stated(name: string): Promise<string | undefined>
  /** Stores a value under a name, unless there already is one. @returns the value that is stored */
  firstStated(name: string, value: string): Promise<string>
}

/** Samples what is stored, for the checks of a start. */
export interface SampleRepository {
  /** Reads one sealed credential, of any tenant. @returns undefined where none is stored */
  anyCredential(): Promise<SealedCredential | undefined>
  /** Lists some active keystores of a plugin type, of any tenant, the newest first. */
  activeKeystores(pluginType: string, limit: number): Promise<readonly KeystoreRecord[]>
}

/** Finds the positions of audit entries in the logs of their tenants. */
export interface AuditPlaceRepository {
  /** @returns index by entry id; without entries that still wait for their place or belong to another tenant */
  places(tenantId: string, entryIds: readonly string[]): Promise<ReadonlyMap<string, number>>
}

/** Stores idempotency keys. Times come from the clock with which the database was opened. */
export interface IdempotencyRepository {
  /**
   * Asks for the right to carry out a request. Of any number of equal requests at the same time, one proceeds. If its
   * process dies, a later request proceeds after the take-over time, and must expect that the work is already done
   * (`ALREADY_EXISTS`).
   * @throws {PersistenceError} IDEMPOTENCY_KEYS_EXHAUSTED - the tenant has used up its quota; requests in progress at the
   * same time may exceed it by their number
   */
  begin(request: IdempotentRequest): Promise<IdempotencyDecision>
  /**
   * Stores the answer, for replays until the key expires.
   * @returns false when the ticket was taken over or has expired; then nothing is stored
   */
  complete(ticket: IdempotencyTicket, response: StoredResponse): Promise<boolean>
  /** Frees the key after a failure that left nothing behind, so that the next request with it proceeds. */
  abandon(ticket: IdempotencyTicket): Promise<void>
  /** Removes expired keys. @returns the number of keys removed */
  removeExpired(): Promise<number>
}
