import type { Clock, Logger } from "@apeiro-cmk/plugin-interface"
import { pluginError } from "@apeiro-cmk/plugin-sdk"
import { managerError } from "./errors.ts"
import { type KeystoreTarget, nameOf } from "./health.ts"
import type { KeystorePluginCatalog, OperationCountRepository } from "./ports.ts"
import type { KeystoreRecord } from "./records.ts"

/** What is used of a keystore's budget in this hour, by all hosts together. */
export interface OperationUsage {
  /** Operations of all hosts; of each other host up to a two-hundredth of the limit that it holds in advance. */
  readonly taken: number
  readonly limit: number
  /** When the next hour begins: milliseconds since the Unix epoch. */
  readonly untilMs: number
}

/** The operations that a keystore's administrator allows for an hour, shared by all hosts. */
export interface OperationBudgets {
  /**
   * Takes one operation of the keystore's budget, where it has one.
   * @throws {PluginError} THROTTLED - the budget of this hour is used up; the keystore was not asked
   */
  take(record: KeystoreRecord): Promise<void>
  /** `undefined` for a keystore without a budget. */
  usage(record: KeystoreRecord): Promise<OperationUsage | undefined>
  /**
   * Makes sure that what goes on by itself leaves room for the rest.
   * @throws {KeystoreManagerError} OPERATION_BUDGET_TOO_SMALL - it takes more than half of the budget
   */
  requireRoom(record: KeystoreRecord, renewalsPerHour: number): void
  forget(target: KeystoreTarget): void
}

interface BudgetTools {
  readonly catalog: KeystorePluginCatalog
  readonly counts: OperationCountRepository
  readonly clock: Clock
  readonly logger: Logger
}

interface Share {
  readonly hour: number
  left: number
}

const hourMs = 3_600_000
/** Taken from the database at once: a part of the limit, so that little is lost when a host ends. */
const shareOfLimit = 200
/** From this part on it is told in the log, and by the keystore's health. */
export const warnFrom = 0.8

/** Makes the {@link OperationBudgets}. The count itself is in the database; a host holds a few operations in advance. */
export function createOperationBudgets({ catalog, counts, clock, logger }: BudgetTools): OperationBudgets {
  const shares = new Map<string, Share>()
  const refills = new Map<string, Promise<void>>()
  const warned = new Map<string, number>()

  function limitOf({ pluginType, configuration }: KeystoreRecord): number | undefined {
    const field = catalog.keystorePlugin(pluginType)?.definition.manifest.operationsPerHourField
    const limit = field === undefined ? undefined : configuration[field]
    return typeof limit === "number" ? limit : undefined
  }

  async function refill(record: KeystoreRecord, limit: number, hour: number): Promise<void> {
    const { tenantId, keystoreId } = record
    const wanted = Math.max(1, Math.floor(limit / shareOfLimit))
    const { granted, taken } = await counts.takeOperations({ tenantId, keystoreId, hour, wanted, limit })
    shares.set(nameOf(record), { hour, left: granted })
    if (taken < warnFrom * limit || warned.get(nameOf(record)) === hour) return
    warned.set(nameOf(record), hour)
    logger.warn("most of a keystore's operations of this hour are used", { tenantId, keystoreId, taken, limit })
  }

  return {
    async take(record) {
      const limit = limitOf(record)
      if (limit === undefined) return
      const name = nameOf(record)
      for (;;) {
        const nowMs = clock.nowMs()
        const hour = Math.floor(nowMs / hourMs)
        const share = shares.get(name)
        if (share?.hour === hour && share.left > 0) {
          share.left -= 1
          return
        }
        const running = refills.get(name)
        if (running !== undefined) {
          await running
          continue
        }
        const refilling = refill(record, limit, hour).finally(() => refills.delete(name))
        refills.set(name, refilling)
        await refilling
        if (shares.get(name)?.left === 0) throw usedUp(limit, (hour + 1) * hourMs - nowMs)
      }
    },
    async usage(record) {
      const limit = limitOf(record)
      if (limit === undefined) return undefined
      const hour = Math.floor(clock.nowMs() / hourMs)
      const taken = await counts.operationsTaken(record.tenantId, record.keystoreId, hour)
      const share = shares.get(nameOf(record))
      const unused = share?.hour === hour ? share.left : 0
      return { taken: Math.max(0, taken - unused), limit, untilMs: (hour + 1) * hourMs }
    },
    requireRoom(record, renewalsPerHour) {
      const limit = limitOf(record)
      if (limit === undefined || renewalsPerHour <= limit / 2) return
      const message = `Renewing the tenant's lease takes ${Math.ceil(renewalsPerHour)} operations an hour on each host, of ${limit} that the keystore allows.`
      throw managerError("OPERATION_BUDGET_TOO_SMALL", message)
    },
    forget(target) {
      shares.delete(nameOf(target))
      warned.delete(nameOf(target))
    },
  }
}

function usedUp(limit: number, retryAfterMs: number) {
  return pluginError(
    "THROTTLED",
    `The keystore's ${limit} operations of this hour are used up.`,
    "Wait for the next hour, raise max_operations_per_hour, or lengthen the tenant's lease.",
    { origin: "host", retryAfterMs },
  )
}
