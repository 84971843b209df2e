import type { Clock } from "@apeiro-cmk/plugin-interface"
import { appendLeaf, type TreeHead } from "./merkle.ts"
import type { AuditLogRepository, Integration, PreparedAuditEntry, SequencedAuditEntry } from "./ports.ts"

/** Options of `createAuditSequencer`. */
export interface AuditSequencerOptions {
  readonly log: AuditLogRepository
  readonly clock: Clock
  /** Name of this host replica. */
  readonly replica: string
  /** Receives the error of each run that failed. The sequencer continues, after growing pauses of up to 5 s. */
  readonly onError: (error: unknown) => void
}

/** Assigns waiting entries their places in the logs of their tenants. */
export interface AuditSequencer {
  /** Starts to run on its own: soon after each nudge, and once a second for entries stored by others. */
  start(): void
  /** Stops after the run in progress and a last one. Idempotent. A failure of the last run goes to `onError`. */
  stop(): Promise<void>
  /** Runs now, after a run in progress. @returns number of entries that received a place; 0 when fenced off */
  runOnce(): Promise<number>
  /** Announces that entries are waiting. */
  nudge(): void
}

const pollMs = 1000
/** Delay after a nudge, so that one transaction takes all entries recorded meanwhile. */
const gatherMs = 100
const firstBackOffMs = 250
const maxBackOffMs = 5000
const batchLimit = 200

/**
 * Makes the sequencer of one replica. Every replica runs one, and a fence in the database lets one at a time write. A
 * sequencer that is fenced off does nothing in that run and takes a new fence in its next one. So the work moves
 * between live replicas, and a replica that dies delays nothing.
 */
export function createAuditSequencer(options: AuditSequencerOptions): AuditSequencer {
  return new FencedSequencer(options)
}

class FencedSequencer implements AuditSequencer {
  readonly #options: AuditSequencerOptions
  #fence: number | undefined
  #started = false
  #nudged = false
  #failures = 0
  #timer: { readonly dueMs: number; readonly cancel: () => void } | undefined
  #lastRun: Promise<unknown> = Promise.resolve()
  #lastCycle: Promise<void> = Promise.resolve()

  constructor(options: AuditSequencerOptions) {
    this.#options = options
  }

  start(): void {
    if (this.#started) return
    this.#started = true
    this.#schedule(0)
  }

  async stop(): Promise<void> {
    if (!this.#started) return
    this.#started = false
    this.#timer?.cancel()
    this.#timer = undefined
    await this.#lastCycle
    await this.#cycle()
  }

  runOnce(): Promise<number> {
    const next = this.#lastRun.then(() => this.#run())
    this.#lastRun = next.catch(() => undefined)
    return next
  }

  nudge(): void {
    this.#nudged = true
    if (this.#timer === undefined || this.#failures > 0) return
    if (this.#timer.dueMs > this.#options.clock.monotonicMs() + gatherMs) this.#schedule(gatherMs)
  }

  async #run(): Promise<number> {
    const { log, replica } = this.#options
    this.#fence ??= await log.takeFence(replica)
    let total = 0
    for (;;) {
      const moved = await log.integrate(this.#fence, batchLimit, integrateEntries)
      if (moved === undefined) {
        this.#fence = undefined
        return total
      }
      total += moved
      if (moved < batchLimit) return total
    }
  }

  async #cycle(): Promise<void> {
    this.#nudged = false
    try {
      await this.runOnce()
      this.#failures = 0
    } catch (error) {
      this.#failures += 1
      this.#options.onError(error)
    }
    if (!this.#started) return
    if (this.#failures > 0) this.#schedule(Math.min(firstBackOffMs * 2 ** (this.#failures - 1), maxBackOffMs))
    else this.#schedule(this.#nudged ? gatherMs : pollMs)
  }

  #schedule(delayMs: number): void {
    const { clock } = this.#options
    this.#timer?.cancel()
    const cancel = clock.after(delayMs, () => {
      this.#timer = undefined
      this.#lastCycle = this.#cycle()
    })
    this.#timer = { dueMs: clock.monotonicMs() + delayMs, cancel }
  }
}

/** Appends waiting entries to a log, in their order. */
function integrateEntries(head: TreeHead, waiting: readonly PreparedAuditEntry[]): Integration {
  const entries: SequencedAuditEntry[] = []
  let next = head
  for (const entry of waiting) {
    entries.push({ ...entry, index: next.size })
    next = appendLeaf(next, entry.leaf)
  }
  return { entries, head: next }
}
