import type { AuditEvent } from "./event.ts"
import type { TreeHead } from "./merkle.ts"

/** An event in its final form: the exact bytes that will be hashed into the tenant's log. */
export interface PreparedAuditEntry {
  /** UUIDv7, unique across all tenants; the leaf contains it as well. */
  readonly entryId: string
  readonly tenantId: string
  /** Milliseconds since the Unix epoch. */
  readonly recordedAtMs: number
  /** RFC 8785 JSON, UTF-8. */
  readonly leaf: Uint8Array
}

/** An entry that has its place in the tenant's log. */
export interface SequencedAuditEntry extends PreparedAuditEntry {
  /** Position in the tenant's log, from 0, without gaps. */
  readonly index: number
}

/** Accepts recorded entries. Persistence implements it. */
export interface AuditIntakeRepository {
  /** Stores all entries or none, in one transaction; durable once it resolves. */
  append(entries: readonly PreparedAuditEntry[]): Promise<void>
}

/** The waiting entries of one tenant with their places, and the head of the log after them. */
export interface Integration {
  readonly entries: readonly SequencedAuditEntry[]
  readonly head: TreeHead
}

/** Stores the logs of the tenants. Persistence implements it. */
export interface AuditLogRepository {
  /**
   * Moves waiting entries into the logs of their tenants, oldest first, at most `limit` in all. For each tenant that
   * has any, it calls `integrate` with the current head of the tenant; it stores all results in one transaction under
   * `fence`. If the input of `integrate` turns out to be outdated, nothing is stored.
   *
   * @returns number of entries moved; undefined, and nothing is stored, when another replica holds a newer fence
   */
  integrate(
    fence: number,
    limit: number,
    integrate: (head: TreeHead, waiting: readonly PreparedAuditEntry[]) => Integration,
  ): Promise<number | undefined>
  /** Takes over as the one sequencer. @returns a fence greater than every earlier one */
  takeFence(replica: string): Promise<number>
  /** Reads the current head of the tenant; its size is 0 when nothing was ever recorded. */
  head(tenantId: string): Promise<TreeHead>
  /** Reads entries of the log from `fromIndex` on, in order, at most `limit`. */
  entries(tenantId: string, fromIndex: number, limit: number): Promise<readonly SequencedAuditEntry[]>
  /** Counts the entries of the tenant that wait for the sequencer. */
  waiting(tenantId: string): Promise<number>
}

/** Records events. */
export interface AuditRecorder {
  /** Puts an event into its final form, for a transaction that stores it together with the change that it records. */
  prepare(event: AuditEvent): PreparedAuditEntry
  /**
   * Records an event on its own. Calls that wait share one commit.
   * @throws {AuditError} AUDIT_UNAVAILABLE - it could not be made durable; then the operation must not be answered
   * @throws {AuditError} AUDIT_QUEUE_FULL - this tenant has too many entries waiting; the operation must not be answered
   */
  record(event: AuditEvent): Promise<PreparedAuditEntry>
}
