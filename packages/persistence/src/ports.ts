import type { PreparedAuditEntry } from "@apeiro-cmk/audit-log"

/** One tenant, as it is stored. */
export interface TenantRecord {
  /** `^[a-z0-9][a-z0-9-]{0,39}$`. */
  readonly tenantId: string
  readonly displayName: string
  readonly createdAtMs: number
  /** `hyok`: no fallback and no grace; `byok`: ordered fallbacks, and a grace while the L1 cannot be reached. */
  readonly custodyMode: "byok" | "hyok"
  /** Length of a lease, in milliseconds: 2,000 to 300,000. */
  readonly leaseMs: number
  /** Grows whenever leases must end at once. */
  readonly epoch: number
  readonly state: "active" | "suspended"
}

/** Tenants as they are stored; a write takes its audit entries along into one transaction. */
export interface TenantRepository {
  /** @throws {PersistenceError} ALREADY_EXISTS */
  insertTenant(record: TenantRecord, audit: readonly PreparedAuditEntry[]): Promise<void>
  tenant(tenantId: string): Promise<TenantRecord | undefined>
  /** By id. */
  tenants(): Promise<readonly TenantRecord[]>
}

/** What a bearer token allows. */
export type TokenRole = "reader" | "administrator" | "workload"

/** One bearer token of a tenant, without the token. */
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

/** Tokens as they are stored; a write takes its audit entries along into one transaction. */
export interface TokenRepository {
  /**
   * @throws {PersistenceError} ALREADY_EXISTS - the id or the hash is taken
   * @throws {PersistenceError} NOT_FOUND - there is no such tenant
   */
  insertToken(record: TokenRecord, audit: readonly PreparedAuditEntry[]): Promise<void>
  /** Those that there are, at most 500 asked for; also expired and revoked ones: the caller judges. */
  tokensByHash(hashes: readonly Uint8Array[]): Promise<readonly TokenRecord[]>
  /** All of the tenant's, oldest first. */
  tokens(tenantId: string): Promise<readonly TokenRecord[]>
  /**
   * Revokes a token; one that is revoked already keeps its time and records nothing new.
   * @throws {PersistenceError} NOT_FOUND - the tenant has no such token
   */
  revokeToken(
    tenantId: string,
    tokenId: string,
    revokedAtMs: number,
    audit: readonly PreparedAuditEntry[],
  ): Promise<void>
}

/** A request that may be sent twice and must take effect once. */
export interface IdempotentRequest {
  /** Who sends it, e.g. a token's id: keys of different subjects never meet. */
  readonly subject: string
  /** The client's idempotency key. */
  readonly key: string
  /** Digest of method, path and body: the same key with another request is a conflict. */
  readonly requestHash: string
}

/** The right to carry out an idempotent request, until another attempt takes it over. */
export interface IdempotencyTicket {
  readonly subject: string
  readonly key: string
  /** From 1; grows with each take-over. */
  readonly attempt: number
}

/** The stored answer of a request. */
export interface StoredResponse {
  readonly status: number
  /**
   * The exact body; it is replayed as it is. **Never one with a secret in it**: a request whose answer shows a secret
   * once (a new token) must not be answered from here.
   */
  readonly body: string
}

/** What to do with an idempotent request. */
export type IdempotencyDecision =
  /** Carry it out, then complete the ticket. */
  | { readonly decision: "proceed"; readonly ticket: IdempotencyTicket }
  /** It was carried out: answer the same. */
  | { readonly decision: "replay"; readonly response: StoredResponse }
  /** Another request with this key is being carried out. */
  | { readonly decision: "wait"; readonly retryAfterMs: number }
  /** The key was used for another request. */
  | { readonly decision: "conflict" }

/** What the hosts of one database must agree on. */
export interface SharedFactRepository {
  /** Stores a value under a name, unless there is one already. @returns the one that is stored */
  firstStated(name: string, value: string): Promise<string>
}

/** Places of audit entries in their tenants' logs. */
export interface AuditPlaceRepository {
  /** @returns index by entry id; an entry that waits for its place, or is not this tenant's, is left out */
  places(tenantId: string, entryIds: readonly string[]): Promise<ReadonlyMap<string, number>>
}

/** Idempotency keys as they are stored. Times come from the clock that the database was opened with. */
export interface IdempotencyRepository {
  /**
   * Asks for the right to carry out a request. Of any number at once, one proceeds. When its process died, a later one
   * proceeds after the take-over time, and must then expect to find the work done (`ALREADY_EXISTS`).
   */
  begin(request: IdempotentRequest): Promise<IdempotencyDecision>
  /**
   * Stores the answer, for replays until the key expires.
   * @returns false when the ticket was taken over or has expired: nothing is stored then
   */
  complete(ticket: IdempotencyTicket, response: StoredResponse): Promise<boolean>
  /** Gives the key free after a failure that left nothing behind, so that the next request with it proceeds. */
  abandon(ticket: IdempotencyTicket): Promise<void>
  /** Removes expired keys. @returns how many */
  removeExpired(): Promise<number>
}
