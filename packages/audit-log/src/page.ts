import type { AuditLogRepository, SequencedAuditEntry } from "./ports.ts"

/** One page of a tenant's log, with the size of the rest. */
export interface AuditLogPage {
  /** Oldest first, without gaps. */
  readonly entries: readonly SequencedAuditEntry[]
  /** Length of the log; never less than the part that `entries` shows. */
  readonly size: number
  /** Number of recorded entries without a place in the log; may include one that gets its place during the read. */
  readonly waiting: number
  /** Index of the first entry of the next page; `size` at the end. */
  readonly next: number
}

/**
 * Reads entries from index `from` on, at most `limit`, while the log grows. Every entry recorded before the call is in
 * the log up to `size`, or counted in `waiting`: if `waiting` is 0, a reader who reaches `size` has seen all of them.
 */
export async function readAuditLogPage(
  log: Pick<AuditLogRepository, "entries" | "head" | "waiting">,
  tenantId: string,
  from: number,
  limit: number,
): Promise<AuditLogPage> {
  // Counted first: an entry that moves into the log after this count is included in the size read below.
  const waiting = await log.waiting(tenantId)
  const [entries, head] = await Promise.all([log.entries(tenantId, from, limit), log.head(tenantId)])
  const last = entries.at(-1)
  const next = last === undefined ? from : last.index + 1
  return { entries, size: last === undefined ? head.size : Math.max(head.size, next), waiting, next }
}
