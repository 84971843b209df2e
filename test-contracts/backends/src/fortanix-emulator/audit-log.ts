import { dsmTime } from "./key-object.ts"

/** One line of an account's log. */
export interface AuditEntry {
  readonly atMs: number
  /** `ActionType` of the crate `sdkms`. */
  readonly actionType: "ADMINISTRATIVE" | "AUTH" | "CRYPTOOPERATION"
  readonly message: string
  readonly severity: "INFO" | "WARNING" | "ERROR"
  readonly actorId: string
  readonly objectId: string | undefined
  readonly groupIds: readonly string[]
}

const longestLog = 20_000

/** Keeps the newest. */
export function recordEntry(log: AuditEntry[], entry: AuditEntry): void {
  log.push(entry)
  if (log.length > longestLog) log.splice(0, longestLog / 2)
}

/** Answers `GET /sys/v1/logs`: newest first, at most `size` entries from the offset `from`. */
export function queryLog(log: readonly AuditEntry[], query: URLSearchParams, accountId: string): readonly unknown[] {
  const wanted = (name: string, value: string | undefined) => {
    const asked = query.get(name)
    return asked === null || asked === value
  }
  const fromMs = Number(query.get("range_from") ?? 0) * 1000
  const toMs = Number(query.get("range_to") ?? Number.MAX_SAFE_INTEGER / 1000) * 1000
  const from = Number(query.get("from") ?? 0)
  const size = Math.min(1000, Number(query.get("size") ?? 1000))
  return log
    .filter(
      (entry) =>
        wanted("action_type", entry.actionType) &&
        wanted("actor_type", "APP") &&
        wanted("actor_id", entry.actorId) &&
        wanted("object_id", entry.objectId) &&
        wanted("severity", entry.severity) &&
        entry.atMs >= fromMs &&
        entry.atMs <= toMs,
    )
    .toReversed()
    .slice(from, from + size)
    .map((entry) => ({
      action_type: entry.actionType,
      actor_type: "APP",
      message: entry.message,
      severity: entry.severity,
      time: dsmTime(entry.atMs),
      object_id: entry.objectId,
      actor_id: entry.actorId,
      acct_id: accountId,
      group_ids: entry.groupIds,
    }))
}
