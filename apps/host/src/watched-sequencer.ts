import { type AuditLogRepository, type AuditSequencer, createAuditSequencer } from "@apeiro-cmk/audit-log"
import { type Clock, isCodedError, type Logger } from "@apeiro-cmk/plugin-interface"
import { reasonOf } from "./reason.ts"

/** Parts of a {@link WatchedSequencer}. */
export interface WatchedSequencerOptions {
  readonly log: AuditLogRepository
  readonly clock: Clock
  readonly logger: Logger
  readonly replica: string
}

/** Runs the audit sequencer, and remembers its last failure until a run succeeds again. */
export class WatchedSequencer {
  readonly #sequencer: AuditSequencer
  readonly #logger: Logger
  #failure: string | undefined

  constructor({ log, clock, logger, replica }: WatchedSequencerOptions) {
    this.#logger = logger
    this.#sequencer = createAuditSequencer({
      log: notifying(log, () => this.#succeeded()),
      ...{ clock, replica },
      onError: (error) => this.#failed(error),
    })
  }

  /** Tells the code of the error with which the last run failed; undefined when it succeeded. */
  readonly lastFailure = (): string | undefined => this.#failure

  start(): void {
    this.#sequencer.start()
  }

  stop(): Promise<void> {
    return this.#sequencer.stop()
  }

  nudge(): void {
    this.#sequencer.nudge()
  }

  #succeeded(): void {
    this.#failure = undefined
  }

  #failed(error: unknown): void {
    this.#failure = isCodedError(error) ? error.code : "INTERNAL"
    this.#logger.error("the audit sequencer failed; it continues", { code: this.#failure, reason: reasonOf(error) })
  }
}

/** Reports each integration that the log accepted. */
function notifying(log: AuditLogRepository, onIntegrated: () => void): AuditLogRepository {
  return {
    integrate: async (...request) => {
      const moved = await log.integrate(...request)
      onIntegrated()
      return moved
    },
    takeFence: (replica) => log.takeFence(replica),
    head: (tenantId) => log.head(tenantId),
    entries: (...request) => log.entries(...request),
    waiting: (tenantId) => log.waiting(tenantId),
  }
}
