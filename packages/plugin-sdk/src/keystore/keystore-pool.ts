import { type Clock, isCodedError, type KeystoreV1, type Logger } from "@apeiro-cmk/plugin-interface"
import { abortable } from "../calls/deadline.ts"
import { pluginError } from "../errors/error-facts.ts"
import { evictionFor, type KeystorePoolBounds } from "./keystore-pool-bounds.ts"

/** The keystore that a caller of {@link KeystorePool.hold} wants. */
export interface PooledKeystore<Tag> {
  /** Unique among all tenants. */
  readonly name: string
  /** Whose share it counts in. */
  readonly tenantId: string
  /** Facts that `serves` compares, e.g. the revision. */
  readonly tag: Tag
  /** Tells whether the keystore that is open under this name will do; otherwise it is replaced. Default: it will. */
  readonly serves?: (present: Tag) => boolean
  /** Opens it; all callers that ask meanwhile wait for the same opening, and receive its failure. */
  readonly open: () => Promise<KeystoreV1>
}

/** A keystore that stays open until `release`, which is idempotent. */
export interface HeldKeystore {
  readonly keystore: Promise<KeystoreV1>
  release(): void
}

/** Options of {@link KeystorePool}. */
export interface KeystorePoolOptions {
  readonly bounds: KeystorePoolBounds
  readonly clock: Clock
  /** Hears of keystores that could not be closed. Default: nobody does. */
  readonly logger?: Pick<Logger, "debug">
}

interface Pooled<Tag> {
  readonly name: string
  readonly tenantId: string
  readonly tag: Tag
  readonly opening: Promise<KeystoreV1>
  users: number
  idleSinceMs: number
  isRetired: boolean
}

/**
 * Holds opened keystores, each open once for all of its users. One that nobody has used for the idle time is closed, also
 * when no other call comes. Where a bound is reached, the longest idle keystore of the tenant with the most open ones makes
 * room; one in use never does. A failure to open is not kept.
 */
export class KeystorePool<Tag = undefined> {
  readonly #options: KeystorePoolOptions
  /** Everything that is open or opening, also what is retired and still in use. */
  readonly #open = new Set<Pooled<Tag>>()
  readonly #current = new Map<string, Pooled<Tag>>()
  /** Longest idle first. */
  readonly #idle = new Set<Pooled<Tag>>()
  readonly #closings = new Set<Promise<void>>()
  #cancelIdleTimer: (() => void) | undefined
  #whenUnused = Promise.withResolvers<void>()
  #isClosed = false

  constructor(options: KeystorePoolOptions) {
    this.#options = options
  }

  /** Number of keystores that are open. */
  get size(): number {
    return this.#open.size
  }

  /** Uses a keystore. @throws {PluginError} as {@link hold}; what opening it, the signal or the work rejects with */
  async use<T>(
    wanted: PooledKeystore<Tag>,
    signal: AbortSignal,
    work: (keystore: KeystoreV1) => Promise<T>,
  ): Promise<T> {
    const held = this.hold(wanted)
    try {
      return await work(await abortable(held.keystore, signal))
    } finally {
      held.release()
    }
  }

  /**
   * Holds a keystore until `release`, for work that is more than one promise.
   * @throws {PluginError} THROTTLED - of origin `host`: every keystore of the tenant's share, or of the pool, is in use
   * @throws {PluginError} CANCELLED - of origin `host`: the pool is closed
   */
  hold(wanted: PooledKeystore<Tag>): HeldKeystore {
    const pooled = this.#acquire(wanted)
    pooled.users += 1
    this.#idle.delete(pooled)
    let isHeld = true
    return {
      keystore: pooled.opening,
      release: () => {
        if (isHeld) this.#release(pooled)
        isHeld = false
      },
    }
  }

  /** Closes a keystore that was changed or removed, once the last call on it has ended. */
  retire(name: string): void {
    const present = this.#current.get(name)
    if (present !== undefined) this.#retire(present)
  }

  /** Closes all keystores, each when its calls have ended. Idempotent. @param graceMs - then also one in use is closed */
  async close(graceMs = 2_000): Promise<void> {
    this.#isClosed = true
    this.#cancelIdleTimer?.()
    for (const pooled of this.#current.values()) this.#retire(pooled)
    if (this.#open.size > 0) {
      const grace = Promise.withResolvers<void>()
      const cancel = this.#options.clock.after(graceMs, grace.resolve)
      await Promise.race([this.#whenUnused.promise, grace.promise])
      cancel()
    }
    for (const pooled of [...this.#open]) this.#closeNow(pooled)
    await Promise.all(this.#closings)
  }

  #acquire(wanted: PooledKeystore<Tag>): Pooled<Tag> {
    if (this.#isClosed) throw stopping()
    const { name, tenantId, tag, serves, open } = wanted
    const present = this.#current.get(name)
    if (present !== undefined && serves?.(present.tag) !== false) return present
    if (present !== undefined) this.#retire(present)
    this.#makeRoom(tenantId)
    const pooled: Pooled<Tag> = { name, tenantId, tag, opening: open(), users: 0, idleSinceMs: 0, isRetired: false }
    this.#current.set(name, pooled)
    this.#open.add(pooled)
    pooled.opening.catch(() => this.#retire(pooled))
    return pooled
  }

  #makeRoom(tenantId: string): void {
    const eviction = evictionFor(tenantId, this.#open, this.#idle, this.#options.bounds)
    if (eviction === "none") return
    if (eviction === undefined) throw allInUse()
    this.#retire(eviction)
  }

  #release(pooled: Pooled<Tag>): void {
    pooled.users -= 1
    if (pooled.users > 0) return
    if (pooled.isRetired) this.#closeNow(pooled)
    else {
      pooled.idleSinceMs = this.#options.clock.monotonicMs()
      this.#idle.add(pooled)
      this.#watchIdle()
    }
  }

  /** One timer, for the one that has been idle longest. */
  #watchIdle(): void {
    const [oldest] = this.#idle
    if (oldest === undefined || this.#cancelIdleTimer !== undefined) return
    const { bounds, clock } = this.#options
    const dueMs = oldest.idleSinceMs + bounds.idleMs - clock.monotonicMs()
    this.#cancelIdleTimer = clock.after(Math.max(0, dueMs), () => this.#closeIdle())
  }

  #closeIdle(): void {
    this.#cancelIdleTimer = undefined
    const { bounds, clock } = this.#options
    const sinceMs = clock.monotonicMs() - bounds.idleMs
    for (const pooled of this.#idle) {
      if (pooled.idleSinceMs > sinceMs) break
      this.#retire(pooled)
    }
    this.#watchIdle()
  }

  #retire(pooled: Pooled<Tag>): void {
    if (this.#current.get(pooled.name) === pooled) this.#current.delete(pooled.name)
    pooled.isRetired = true
    if (pooled.users === 0) this.#closeNow(pooled)
  }

  #closeNow(pooled: Pooled<Tag>): void {
    this.#idle.delete(pooled)
    if (!this.#open.delete(pooled)) return
    if (this.#open.size === 0 && this.#isClosed) this.#whenUnused.resolve()
    const closing = pooled.opening
      .then((keystore) => keystore.close())
      .catch((error: unknown) => {
        // One that never opened has nothing to release, and its callers have the reason.
        const code = isCodedError(error) ? error.code : "INTERNAL"
        this.#options.logger?.debug("an opened keystore ended with an error", { tenantId: pooled.tenantId, code })
      })
      .finally(() => this.#closings.delete(closing))
    this.#closings.add(closing)
  }
}

function stopping() {
  return pluginError("CANCELLED", "The host is stopping.", "Try again once it has started.", { origin: "host" })
}

function allInUse() {
  const next = "Try again in a moment; if it recurs, have the operator raise the bounds of opened keystores."
  const message = "Every keystore that this host may have open for the tenant is in use."
  return pluginError("THROTTLED", message, next, { origin: "host", retryAfterMs: 1_000 })
}
