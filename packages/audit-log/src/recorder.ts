import { randomBytes } from "node:crypto"
import { setImmediate as restOfTurn } from "node:timers/promises"
import type { Clock, RandomSource } from "@apeiro-cmk/plugin-interface"
import { entryIds } from "./entry-id.ts"
import { auditUnavailable } from "./error.ts"
import type { AuditEvent } from "./event.ts"
import { encodeLeaf } from "./leaf.ts"
import type { AuditIntakeRepository, AuditRecorder, PreparedAuditEntry } from "./ports.ts"

/** What {@link createAuditRecorder} is made of. */
export interface AuditRecorderOptions {
  readonly intake: AuditIntakeRepository
  readonly clock: Clock
  /** For entry ids, which are public. Default: the operating system's. */
  readonly random?: RandomSource
  /** Name of this host replica; it stands in each leaf. */
  readonly replica: string
  /** Called whenever entries have become durable, so that the sequencer can be nudged. */
  readonly onRecorded?: () => void
  /** Longest wait of one entry for its commit, in milliseconds. Default 10,000. */
  readonly timeoutMs?: number
}

const maxBatch = 1000
const maxWaiting = 20_000

interface WaitingEntry {
  readonly entry: PreparedAuditEntry
  readonly settle: (error?: unknown) => void
}

/**
 * Makes the recorder of one host. It commits in groups: while one transaction runs, the entries of the next gather, so
 * that any number of requests share one fsync.
 *
 * An entry whose wait timed out may still become durable later: the log may then tell of an operation that was refused,
 * never the other way round.
 */
export function createAuditRecorder(options: AuditRecorderOptions): AuditRecorder {
  const { intake, clock, random = { bytes: randomBytes }, replica, onRecorded, timeoutMs = 10_000 } = options
  const nextEntryId = entryIds(clock, random)
  const waiting: WaitingEntry[] = []
  let committing = false

  const prepare = (event: AuditEvent): PreparedAuditEntry => {
    const entryId = nextEntryId()
    const recordedAtMs = Math.trunc(clock.nowMs())
    const leaf = encodeLeaf(event, { entryId, recordedAtMs, replica })
    return { entryId, tenantId: event.tenantId, recordedAtMs, leaf }
  }

  const commitWaiting = async (): Promise<void> => {
    committing = true
    while (waiting.length > 0) {
      // What arrived with this entry in one turn of the event loop shares its commit.
      await restOfTurn()
      const batch = waiting.splice(0, maxBatch)
      try {
        await intake.append(batch.map(({ entry }) => entry))
        for (const { settle } of batch) settle()
        onRecorded?.()
      } catch (cause) {
        const error = auditUnavailable("The audit entry could not be made durable.", cause)
        for (const { settle } of batch) settle(error)
      }
    }
    committing = false
  }

  const record = (event: AuditEvent): Promise<PreparedAuditEntry> => {
    const { promise, resolve, reject } = Promise.withResolvers<PreparedAuditEntry>()
    const entry = prepare(event)
    if (waiting.length >= maxWaiting) throw auditUnavailable("Too many audit entries wait for the database.")
    const cancelTimer = clock.after(timeoutMs, () => {
      reject(auditUnavailable(`The audit entry was not durable within ${timeoutMs} ms.`))
    })
    const settle = (error?: unknown): void => {
      cancelTimer()
      if (error === undefined) resolve(entry)
      else reject(error)
    }
    waiting.push({ entry, settle })
    if (!committing) void commitWaiting()
    return promise
  }

  return { prepare, record: async (event) => record(event) }
}
