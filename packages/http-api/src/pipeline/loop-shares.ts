import { performance } from "node:perf_hooks"
import type { Clock } from "@apeiro-cmk/plugin-interface"
import { DecayingSum } from "./decaying-sum.ts"
import { WorkLine } from "./work-line.ts"

/** Part of the event loop's time that owners who compete for it get together; the rest keeps every answer quick. */
const sharedPart = 0.5
/** The same while all of them wait for their turns: nobody's answers are quick then. */
const crowdedPart = 0.95
/** Part of its owner's share that each of the two lines may take where both are in use. */
const linePart = 2 / 3
/** Work from this size on waits in a line of its own, or it would hold up its owner's plain requests. */
const longUnits = 4
/** Time over which use is averaged, and after which an owner that asks for nothing no longer competes, in milliseconds. */
const memoryMs = 1000
/** Cost of a unit where little has been seen, and the least and the most that is believed, in milliseconds. */
const unitMs = { first: 1, least: 0.2, most: 4 } as const

interface Account {
  /** Units of late. */
  readonly use: DecayingSum
  readonly plain: WorkLine
  readonly long: WorkLine
  lastSeenMs: number
}

/**
 * Shares the time of the event loop out among the owners of requests. One owner alone gets all of it. Owners that compete
 * get a part of it together: each what it needs while that is little, the others what is left, evenly. Work of an owner that
 * is ahead of its share waits for its turn.
 *
 * Work is counted in units: one is about a request that makes one data key. What a unit costs is what the loop has spent on
 * all of them of late.
 */
export class LoopShares {
  readonly #clock: Clock
  readonly #activeMs: () => number
  readonly #accounts = new Map<string, Account>()
  readonly #units = new DecayingSum(memoryMs)
  readonly #spentMs = new DecayingSum(memoryMs)
  #seenActiveMs: number

  /** @param activeMs - time that the loop has worked so far, in milliseconds */
  constructor(clock: Clock, activeMs: () => number = () => performance.eventLoopUtilization().active) {
    this.#clock = clock
    this.#activeMs = activeMs
    this.#seenActiveMs = activeMs()
  }

  /**
   * Waits for the turn of some work, and charges its owner.
   * @throws {HttpApiError} TOO_MANY_REQUESTS - its turn did not come within two seconds
   */
  async turn(owner: string, units: number): Promise<void> {
    const account = this.#seen(owner)
    const line = units < longUnits ? account.plain : account.long
    await line.turn()
    const costMs = this.#charge(account, units)
    line.pay(costMs / this.#partOf(account, line))
  }

  #seen(owner: string): Account {
    const nowMs = this.#clock.monotonicMs()
    const account = this.#accounts.get(owner) ?? this.#newAccount()
    account.lastSeenMs = nowMs
    // The order of the map is that of the latest requests.
    this.#accounts.delete(owner)
    this.#accounts.set(owner, account)
    for (const [other, { lastSeenMs, plain, long }] of this.#accounts) {
      if (nowMs - lastSeenMs <= memoryMs) break
      if (plain.isSettled() && long.isSettled()) this.#accounts.delete(other)
    }
    return account
  }

  #newAccount(): Account {
    return {
      use: new DecayingSum(memoryMs),
      ...{ plain: new WorkLine(this.#clock), long: new WorkLine(this.#clock) },
      lastSeenMs: 0,
    }
  }

  /** Notes work. @returns what it costs, in milliseconds of the loop */
  #charge(account: Account, units: number): number {
    const nowMs = this.#clock.monotonicMs()
    const activeMs = this.#activeMs()
    this.#spentMs.add(activeMs - this.#seenActiveMs, nowMs)
    this.#seenActiveMs = activeMs
    this.#units.add(units, nowMs)
    account.use.add(units, nowMs)
    return units * this.#unitMs(nowMs)
  }

  #unitMs(nowMs: number): number {
    const seenMs = (this.#spentMs.at(nowMs) + unitMs.first) / (this.#units.at(nowMs) + 1)
    return Math.min(unitMs.most, Math.max(unitMs.least, seenMs))
  }

  /** Gives the part of the loop's time that one line of an owner may take now. */
  #partOf({ use, plain, long }: Account, line: WorkLine): number {
    const competitors = this.#accounts.size
    if (competitors === 1) return 1
    const nowMs = this.#clock.monotonicMs()
    const shared = this.#isCrowded() ? crowdedPart : sharedPart
    const others = ((this.#units.at(nowMs) - use.at(nowMs)) * this.#unitMs(nowMs)) / memoryMs
    const part = Math.max(shared / competitors, shared - others)
    return (line === plain ? long : plain).wasUsedWithin(memoryMs) ? part * linePart : part
  }

  /** Tells whether everybody waits for something. */
  #isCrowded(): boolean {
    for (const { plain, long } of this.#accounts.values()) if (!plain.isBehind() && !long.isBehind()) return false
    return true
  }
}
