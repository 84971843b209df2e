import type { Clock } from "@apeiro-cmk/plugin-interface"
import { appendLeaf, type TreeHead } from "./merkle.ts"
import type { AuditLogRepository, Integration, PreparedAuditEntry, SequencedAuditEntry } from "./ports.ts"

/** What {@link createAuditSequencer} is made of. */
export interface AuditSequencerOptions {
  readonly log: AuditLogRepository
  readonly clock: Clock
  /** Name of this host replica. */
  readonly replica: string
  /** Told of each run that failed. The sequencer goes on by itself, with growing pauses of up to 5 s. */
  readonly onError: (error: unknown) => void
}

/** Gives waiting entries their places in the tenants' logs. */
export interface AuditSequencer {
  /** Begins to run by itself: soon after each nudge, and once a second for what other replicas or transactions stored. */
  start(): void
  /** Ends after the run in progress and a last one. Idempotent. Failures of the last run go to `onError`. */
  stop(): Promise<void>
  /** Runs now, after a run in progress. @returns how many entries got their place; 0 also when fenced off */
  runOnce(): Promise<number>
  /** Says that entries wait. */
  nudge(): void
}

const pollMs = 1000
/** A nudge waits this long, so that one transaction takes what is recorded meanwhile. */
const gatherMs = 100
const firstBackOffMs = 250
const maxBackOffMs = 5000
const batchLimit = 200

/**
 * Makes the sequencer of one replica. All replicas run one, and a fence in the database lets one at a time write: one
 * that finds itself fenced off does nothing in that run and takes a new fence in its next. So the work moves between
 * live replicas, and a replica that dies delays nothing.
 */
export function createAuditSequencer({ log, clock, replica, onError }: AuditSequencerOptions): AuditSequencer {
  let fence: number | undefined
  let started = false
  let nudged = false
  let failures = 0
  let timer: { readonly dueMs: number; readonly cancel: () => void } | undefined
  let lastRun: Promise<unknown> = Promise.resolve()
  let lastCycle: Promise<void> = Promise.resolve()

  const run = async (): Promise<number> => {
    fence ??= await log.takeFence(replica)
    let total = 0
    for (;;) {
      const moved = await log.integrate(fence, batchLimit, integrateEntries)
      if (moved === undefined) {
        fence = undefined
        return total
      }
      total += moved
      if (moved < batchLimit) return total
    }
  }

  const runOnce = (): Promise<number> => {
    const next = lastRun.then(run)
    lastRun = next.catch(() => undefined)
    return next
  }

  const cycle = async (): Promise<void> => {
    nudged = false
    try {
      await runOnce()
      failures = 0
    } catch (error) {
      failures += 1
      onError(error)
    }
    if (!started) return
    if (failures > 0) schedule(Math.min(firstBackOffMs * 2 ** (failures - 1), maxBackOffMs))
    else schedule(nudged ? gatherMs : pollMs)
  }

  const schedule = (delayMs: number): void => {
    timer?.cancel()
    const cancel = clock.after(delayMs, () => {
      timer = undefined
      lastCycle = cycle()
    })
    timer = { dueMs: clock.monotonicMs() + delayMs, cancel }
  }

  return {
    runOnce,
    start() {
      if (started) return
      started = true
      schedule(0)
    },
    async stop() {
      if (!started) return
      started = false
      timer?.cancel()
      timer = undefined
      await lastCycle
      await cycle()
    },
    nudge() {
      nudged = true
      if (timer === undefined || failures > 0) return
      if (timer.dueMs > clock.monotonicMs() + gatherMs) schedule(gatherMs)
    },
  }
}

/** Puts waiting entries behind a log, in their order. */
function integrateEntries(head: TreeHead, waiting: readonly PreparedAuditEntry[]): Integration {
  const entries: SequencedAuditEntry[] = []
  let next = head
  for (const entry of waiting) {
    entries.push({ ...entry, index: next.size })
    next = appendLeaf(next, entry.leaf)
  }
  return { entries, head: next }
}
