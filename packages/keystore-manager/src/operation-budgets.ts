import type { Clock, Logger } from "@apeiro-cmk/plugin-interface"
import { pluginError } from "@apeiro-cmk/plugin-sdk"
import { managerError } from "./errors.ts"
import { type KeystoreTarget, nameOf } from "./keystore-target.ts"
import type { KeystorePluginCatalog, OperationCountRepository } from "./ports.ts"
import type { KeystoreRecord } from "./records.ts"

/**
 * Purpose of an operation. A `renewal` unwraps a tenant key for its lease, without which the tenant is not served. Tests,
 * probes, verifications, wraps and whatever else somebody can ask for at will are `otherWork`.
 */
export type OperationPurpose = "renewal" | "otherWork"

/** Use of a keystore's budget in this hour, by all hosts together. */
export interface OperationUsage {
  /** Operations of all hosts; for each other host, up to a two-hundredth of the limit that it holds in advance. */
  readonly taken: number
  readonly limit: number
  /** When the next hour begins: milliseconds since the Unix epoch. */
  readonly untilMs: number
}

/** Services that budgets use. */
interface BudgetServices {
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
/** Share of the limit that only renewals may take; an activation requires that one host's renewals fit into it. */
const reservedForRenewals = 0.5
/** One host takes this fraction of the limit from the database at a time, so that little is lost when it ends. */
const sharesPerLimit = 200

/** Share of the limit from which the log and the keystore's health warn. */
export const warnFrom = 0.8

/**
 * Keeps to the operations that a keystore's administrator allows per hour, for all hosts together. The count is in the
 * database; a host holds a few operations in advance.
 */
export class OperationBudgets {
  readonly #services: BudgetServices
  readonly #shares = new Map<string, Share>()
  readonly #refills = new Map<string, Promise<void>>()
  /** Hour of the last warning, by keystore. */
  readonly #warned = new Map<string, number>()
  /** Hour of everything in the maps: what earlier ones left is of no use. */
  #hour = 0

  constructor(services: BudgetServices) {
    this.#services = services
  }

  /**
   * Takes one operation of the keystore's budget, where it has one. Half of it is reserved for renewals.
   * @throws {PluginError} THROTTLED - the budget of this hour is used up; the keystore was not asked
   */
  async take(record: KeystoreRecord, purpose: OperationPurpose): Promise<void> {
    const limit = this.#limitOf(record)
    if (limit === undefined) return
    const name = shareOf(record, purpose)
    for (;;) {
      const nowMs = this.#services.clock.nowMs()
      const hour = Math.floor(nowMs / hourMs)
      const share = this.#shares.get(name)
      if (share?.hour === hour && share.left > 0) {
        share.left -= 1
        return
      }
      const running = this.#refills.get(name)
      if (running !== undefined) {
        await running
        continue
      }
      const refilling = this.#refill(record, purpose, limit, hour).finally(() => this.#refills.delete(name))
      this.#refills.set(name, refilling)
      await refilling
      if (this.#shares.get(name)?.left === 0) throw usedUp(limit, purpose, (hour + 1) * hourMs - nowMs)
    }
  }

  /** Reads the use of this hour; undefined for a keystore without a budget. */
  async usage(record: KeystoreRecord): Promise<OperationUsage | undefined> {
    const limit = this.#limitOf(record)
    if (limit === undefined) return undefined
    const hour = Math.floor(this.#services.clock.nowMs() / hourMs)
    const taken = await this.#services.counts.operationsTaken(record.tenantId, record.keystoreId, hour)
    const unused = purposes
      .map((purpose) => this.#shares.get(shareOf(record, purpose)))
      .reduce((sum, share) => sum + (share?.hour === hour ? share.left : 0), 0)
    return { taken: Math.max(0, taken - unused), limit, untilMs: (hour + 1) * hourMs }
  }

  /**
   * Makes sure that renewals leave room for the rest.
   * @throws {KeystoreManagerError} OPERATION_BUDGET_TOO_SMALL - they take more than half of the budget
   */
  requireRoom(record: KeystoreRecord, renewalsPerHour: number): void {
    const limit = this.#limitOf(record)
    if (limit === undefined || renewalsPerHour <= limit * reservedForRenewals) return
    const message = `Renewing the tenant's lease takes ${Math.ceil(renewalsPerHour)} operations an hour on each host, of ${limit} that the keystore allows.`
    throw managerError("OPERATION_BUDGET_TOO_SMALL", message)
  }

  /** Forgets a keystore that was removed. */
  forget(target: KeystoreTarget): void {
    for (const purpose of purposes) this.#shares.delete(shareOf(target, purpose))
    this.#warned.delete(nameOf(target))
  }

  #forgetBefore(hour: number): void {
    if (hour <= this.#hour) return
    this.#hour = hour
    this.#shares.clear()
    this.#warned.clear()
  }

  #limitOf({ pluginType, configuration }: KeystoreRecord): number | undefined {
    const field = this.#services.catalog.keystorePlugin(pluginType)?.definition.manifest.operationsPerHourField
    const limit = field === undefined ? undefined : configuration[field]
    return typeof limit === "number" ? limit : undefined
  }

  async #refill(record: KeystoreRecord, purpose: OperationPurpose, limit: number, hour: number): Promise<void> {
    const { counts, logger } = this.#services
    const { tenantId, keystoreId } = record
    const wanted = Math.max(1, Math.floor(limit / sharesPerLimit))
    const { granted, taken } = await counts.takeOperations({
      tenantId,
      keystoreId,
      hour,
      wanted,
      limit,
      ...(purpose === "renewal" ? {} : { limitOfOtherWork: limitOfOtherWork(limit) }),
    })
    this.#forgetBefore(hour)
    this.#shares.set(shareOf(record, purpose), { hour, left: granted })
    if (taken < warnFrom * limit || this.#warned.get(nameOf(record)) === hour) return
    this.#warned.set(nameOf(record), hour)
    logger.warn("most of a keystore's operations of this hour are used", { tenantId, keystoreId, taken, limit })
  }
}

const purposes: readonly OperationPurpose[] = ["renewal", "otherWork"]

function shareOf(target: KeystoreTarget, purpose: OperationPurpose): string {
  return `${purpose} ${nameOf(target)}`
}

/** At least one, so that the smallest budget still allows a connection test to begin. */
function limitOfOtherWork(limit: number): number {
  return Math.ceil(limit * (1 - reservedForRenewals))
}

function usedUp(limit: number, purpose: OperationPurpose, retryAfterMs: number) {
  const which = purpose === "renewal" ? `${limit}` : `${limitOfOtherWork(limit)} of ${limit}`
  const reserve = purpose === "renewal" ? "" : "; the rest is reserved for renewals of the tenant's lease"
  return pluginError(
    "THROTTLED",
    `The keystore's ${which} operations of this hour are used up${reserve}.`,
    "Wait for the next hour, raise max_operations_per_hour, or lengthen the tenant's lease.",
    { origin: "host", retryAfterMs },
  )
}
