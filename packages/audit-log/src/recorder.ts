import { randomBytes } from "node:crypto"
import { setImmediate as restOfTurn } from "node:timers/promises"
import type { Clock, RandomSource } from "@apeiro-cmk/plugin-interface"
import { EntryIds } from "./entry-id.ts"
import { auditQueueFull, auditUnavailable } from "./error.ts"
import type { AuditEvent } from "./event.ts"
import { FairLanes } from "./fair-lanes.ts"
import { encodeLeaf } from "./leaf.ts"
import type { AuditIntakeRepository, AuditRecorder, PreparedAuditEntry } from "./ports.ts"

/** Options of `createAuditRecorder`. */
export interface AuditRecorderOptions {
  readonly intake: AuditIntakeRepository
  readonly clock: Clock
  /** Random source of entry ids, which are public. Default: that of the operating system. */
  readonly random?: RandomSource
  /** Name of this host replica, written into each leaf. */
  readonly replica: string
  /** Called when entries have become durable, to nudge the sequencer. */
  readonly onRecorded?: () => void
  /** Longest wait of one entry for its commit, in milliseconds; default 6,500. */
  readonly timeoutMs?: number
  /** Most entries that wait for a commit, of all tenants together; default 20,000. */
  readonly maximumWaiting?: number
}

const maxBatch = 1000

interface WaitingEntry {
  readonly entry: PreparedAuditEntry
  readonly settle: (error?: unknown) => void
}

/**
 * Makes the recorder of one host. It commits in groups: while one transaction runs, entries for the next one gather, so
 * that any number of requests share one fsync. Each commit takes the same number of entries of every tenant that has so
 * many, and where too many wait, those of the tenant with the most are refused.
 *
 * An entry whose wait timed out may still become durable later: then the log contains an operation that was refused,
 * never the reverse.
 */
export function createAuditRecorder(options: AuditRecorderOptions): AuditRecorder {
  return new GroupRecorder(options)
}

class GroupRecorder implements AuditRecorder {
  readonly #options: AuditRecorderOptions
  readonly #timeoutMs: number
  readonly #entryIds: EntryIds
  readonly #waiting: FairLanes<WaitingEntry>
  #committing = false

  constructor(options: AuditRecorderOptions) {
    const { clock, random = { bytes: randomBytes }, timeoutMs = 6_500, maximumWaiting = 20_000 } = options
    this.#options = options
    this.#timeoutMs = timeoutMs
    this.#waiting = new FairLanes(maximumWaiting)
    this.#entryIds = new EntryIds(clock, random)
  }

  prepare(event: AuditEvent): PreparedAuditEntry {
    const { clock, replica } = this.#options
    const entryId = this.#entryIds.next()
    const recordedAtMs = Math.trunc(clock.nowMs())
    const leaf = encodeLeaf(event, { entryId, recordedAtMs, replica })
    return { entryId, tenantId: event.tenantId, recordedAtMs, leaf }
  }

  async record(event: AuditEvent): Promise<PreparedAuditEntry> {
    const { promise, resolve, reject } = Promise.withResolvers<PreparedAuditEntry>()
    const entry = this.prepare(event)
    const cancelTimer = this.#options.clock.after(this.#timeoutMs, () => {
      reject(auditUnavailable(`The audit entry was not durable within ${this.#timeoutMs} ms.`))
    })
    const settle = (error?: unknown): void => {
      cancelTimer()
      if (error === undefined) resolve(entry)
      else reject(error)
    }
    this.#waiting.add(laneOf(event), { entry, settle })?.settle(auditQueueFull())
    if (!this.#committing) void this.#commitWaiting()
    return promise
  }

  async #commitWaiting(): Promise<void> {
    const { intake, onRecorded } = this.#options
    this.#committing = true
    while (this.#waiting.size > 0) {
      // Entries that arrive in one turn of the event loop share a commit.
      await restOfTurn()
      const batch = this.#waiting.take(maxBatch)
      try {
        await intake.append(batch.map(({ entry }) => entry))
        for (const { settle } of batch) settle()
        onRecorded?.()
      } catch (cause) {
        const error = auditUnavailable("The audit entry could not be made durable.", cause)
        for (const { settle } of batch) settle(error)
      }
    }
    this.#committing = false
  }
}

/** Names the lane of an entry. An act of the host for a tenant, such as renewing its lease, does not wait behind what the tenant's callers do. */
function laneOf({ tenantId, actor }: AuditEvent): string {
  return actor.type === "host" ? `host ${tenantId}` : tenantId
}
