import type { AuditEvent } from "./event.ts"
import type { TreeHead } from "./merkle.ts"

/** An event in its final form: the exact bytes that will be hashed into the tenant's log. */
export interface PreparedAuditEntry {
  /** UUIDv7, unique over all tenants; it is inside the leaf as well. */
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

/** Takes entries. Persistence implements it. */
export interface AuditIntakeRepository {
  /** Stores all or none, in one transaction; durable when it resolves. */
  append(entries: readonly PreparedAuditEntry[]): Promise<void>
}

/** One tenant's waiting entries with their places, and the head of the log behind them. */
export interface Integration {
  readonly entries: readonly SequencedAuditEntry[]
  readonly head: TreeHead
}

/** The logs as they are stored. Persistence implements it. */
export interface AuditLogRepository {
  /**
   * Moves waiting entries into their tenants' logs: for each tenant with any, oldest first, at most `limit` in all, calls
   * `integrate` with the tenant's present head and stores what it returns, all in one transaction under `fence`. What
   * `integrate` was given may turn out to be outdated; then nothing is stored.
   *
   * @returns how many entries were moved; undefined, and nothing was done, when another replica holds a newer fence
   */
  integrate(
    fence: number,
    limit: number,
    integrate: (head: TreeHead, waiting: readonly PreparedAuditEntry[]) => Integration,
  ): Promise<number | undefined>
  /** Takes over as the one sequencer. @returns a fence greater than every earlier one */
  takeFence(replica: string): Promise<number>
  /** The tenant's present head; size 0 where nothing was ever recorded. */
  head(tenantId: string): Promise<TreeHead>
  /** Sequenced entries from `fromIndex` on, in order, at most `limit`. */
  entries(tenantId: string, fromIndex: number, limit: number): Promise<readonly SequencedAuditEntry[]>
  /** How many entries of the tenant wait for the sequencer. */
  waiting(tenantId: string): Promise<number>
}

/** Records events. */
export interface AuditRecorder {
  /** Puts an event into its final form, for a transaction that stores it together with the change it tells of. */
  prepare(event: AuditEvent): PreparedAuditEntry
  /**
   * Records an event by itself. Waiting calls share one commit.
   * @throws {AuditError} AUDIT_UNAVAILABLE - it could not be made durable; nothing may be answered then
   */
  record(event: AuditEvent): Promise<PreparedAuditEntry>
}
