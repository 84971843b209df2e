import {
  type AuditPort,
  type CallOptions,
  isPluginError,
  type Logger,
  type PluginAuditEvent,
} from "@apeiro-cmk/plugin-interface"
import { toPluginError } from "../errors/error-facts.ts"

/** What {@link recordedLogin} needs. */
export interface RecordedLogin<Result> {
  readonly audit: AuditPort
  readonly logger: Logger
  readonly event: Pick<PluginAuditEvent, "action" | "facts">
  readonly work: () => Promise<Result>
  /** True for a failure that was recorded when it came about, and is told again. */
  readonly isRepeated: (error: unknown) => boolean
  /** What the record of a success says beside; `undefined` for an outcome that is none to record. */
  readonly success: (result: Result) => Pick<PluginAuditEvent, "backendRequestId"> | undefined
}

/**
 * Does a login or a renewal and records it in the tenant's audit stream, the failure too. A success that cannot be
 * recorded is none.
 *
 * @throws {PluginError} what the work rejects with; INTERNAL, or the audit log's own code, when it could not be recorded
 */
export async function recordedLogin<Result>(login: RecordedLogin<Result>, call: CallOptions): Promise<Result> {
  const { audit, logger, event, work, isRepeated, success } = login
  let result: Result
  try {
    result = await work()
  } catch (error) {
    if (isRepeated(error)) throw error
    const code = isPluginError(error) ? error.code : "INTERNAL"
    await audit.record({ ...event, outcome: "failure", code }, call).catch((cause: unknown) => {
      const { action } = event
      logger.error("A failed login or renewal could not be recorded", {
        ...{ action, code, error: toPluginError(cause, unrecorded).code },
      })
    })
    throw error
  }
  const more = success(result)
  if (more === undefined) return result
  await audit.record({ ...event, outcome: "success", ...more }, call).catch((cause: unknown) => {
    throw toPluginError(cause, unrecorded)
  })
  return result
}

const unrecorded = {
  message: "The login or renewal could not be recorded in the audit log, so what it gave is not used.",
  nextStep: "Restore the audit log, then try again.",
  origin: "host",
  retryable: true,
} as const
