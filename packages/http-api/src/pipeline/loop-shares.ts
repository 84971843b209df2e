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
/** How long the even part is taken to stay the same, in milliseconds. */
const evenPartLifeMs = 10
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
  #lastEvenPart = 1
  #evenPartAtMs = Number.NEGATIVE_INFINITY

  /** @param activeMs - time that the loop has worked so far, in milliseconds */
  constructor(clock: Clock, activeMs: () => number = () => performance.eventLoopUtilization().active) {
    this.#clock = clock
    this.#activeMs = activeMs
    this.#seenActiveMs = activeMs()
  }

  /**
   * Waits for the turn of some work, and charges its owner.
   * @returns whether it had to wait: what was true of its request may not be true any more
   * @throws {HttpApiError} TOO_MANY_REQUESTS - its turn did not come within two seconds
   */
  async turn(owner: string, units: number): Promise<boolean> {
    const account = this.#seen(owner)
    const line = units < longUnits ? account.plain : account.long
    const hasWaited = await line.turn()
    const costMs = this.#charge(account, units)
    line.pay(costMs / this.#partOf(account, line))
    return hasWaited
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
  #partOf({ plain, long }: Account, line: WorkLine): number {
    if (this.#accounts.size === 1) return 1
    const part = this.#evenPart()
    return (line === plain ? long : plain).wasUsedWithin(memoryMs) ? part * linePart : part
  }

  /**
   * Gives the part that each owner may take, at most, so that the parts of all fit: who uses less leaves the rest to the
   * others (max-min fairness; Bertsekas and Gallager, Data Networks, §6.5.2). Whoever waits is taken to want everything.
   */
  #evenPart(): number {
    const nowMs = this.#clock.monotonicMs()
    if (nowMs - this.#evenPartAtMs < evenPartLifeMs) return this.#lastEvenPart
    const wanted = [...this.#accounts.values()].map(({ use, plain, long }) =>
      plain.isBehind() || long.isBehind() ? 1 : (use.at(nowMs) * this.#unitMs(nowMs)) / memoryMs,
    )
    const isCrowded = wanted.every((part) => part === 1)
    this.#evenPartAtMs = nowMs
    this.#lastEvenPart = evenPartOf(isCrowded ? crowdedPart : sharedPart, wanted)
    return this.#lastEvenPart
  }
}

function evenPartOf(shared: number, wanted: readonly number[]): number {
  let left = shared
  for (const [index, part] of wanted.toSorted((one, other) => one - other).entries()) {
    const even = left / (wanted.length - index)
    if (part > even) return even
    left -= part
  }
  // All of it fits: each may take as much as the largest does, and what is left.
  return Math.max(...wanted) + Math.max(0, left)
}
