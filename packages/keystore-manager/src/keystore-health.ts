import type { HealthBoard, KeystoreCondition, LastOutcome } from "./health-board.ts"
import { type OperationBudgets, type OperationUsage, warnFrom } from "./operation-budgets.ts"
import type { KeystoreRecord } from "./records.ts"

/** Health of one keystore, as this host knows it. */
export interface KeystoreHealth {
  readonly keystoreId: string
  readonly pluginType: string
  readonly state: KeystoreRecord["state"]
  /** A budget that is nearly used up is also a `warning`. */
  readonly condition: KeystoreCondition
  /** In milliseconds, with the last successes weighing most. Absent until the first one after a start. */
  readonly averageLatencyMs?: number
  /** Absent until the first call after a start. */
  readonly last?: LastOutcome
  /** Absent where the administrator has set no limit. */
  readonly usage?: OperationUsage
}

/** Puts together what this host knows about a keystore. */
export async function healthOf(
  record: KeystoreRecord,
  health: HealthBoard,
  budgets: OperationBudgets,
): Promise<KeystoreHealth> {
  const { keystoreId, pluginType, state } = record
  const last = health.last(record)
  const averageLatencyMs = health.averageLatencyMs(record)
  const usage = await budgets.usage(record)
  const seen = health.condition(record)
  const isNearlyUsedUp = usage !== undefined && usage.taken >= warnFrom * usage.limit
  return {
    ...{ keystoreId, pluginType, state },
    condition: isNearlyUsedUp && seen !== "failing" ? "warning" : seen,
    ...(averageLatencyMs === undefined ? {} : { averageLatencyMs }),
    ...(last === undefined ? {} : { last }),
    ...(usage === undefined ? {} : { usage }),
  }
}
