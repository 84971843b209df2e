import type { AuditLogRepository, SequencedAuditEntry } from "./ports.ts"

/** A part of a tenant's log, and how much more there is. */
export interface AuditLogPage {
  /** Oldest first, without gaps. */
  readonly entries: readonly SequencedAuditEntry[]
  /** Length of the log; never less than what `entries` shows. */
  readonly size: number
  /** Recorded entries without a place in the log. One that gets its place during the read may be counted here as well. */
  readonly waiting: number
  /** Index of the first entry of the next page; `size` at the end. */
  readonly next: number
}

/**
 * Reads entries from index `from` on, at most `limit`, while the log grows. Whatever was recorded before the call is in
 * the log as far as `size`, or is counted in `waiting`: with `waiting` 0, a reader who comes to `size` has seen it all.
 */
export async function readAuditLogPage(
  log: Pick<AuditLogRepository, "entries" | "head" | "waiting">,
  tenantId: string,
  from: number,
  limit: number,
): Promise<AuditLogPage> {
  // First: an entry that moves into the log after this count is in the size that is read then.
  const waiting = await log.waiting(tenantId)
  const [entries, head] = await Promise.all([log.entries(tenantId, from, limit), log.head(tenantId)])
  const last = entries.at(-1)
  const next = last === undefined ? from : last.index + 1
  return { entries, size: last === undefined ? head.size : Math.max(head.size, next), waiting, next }
}
