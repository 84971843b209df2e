import {
  type AuditPort,
  type CallOptions,
  isPluginError,
  type Logger,
  type PluginAuditEvent,
  type PluginKind,
} from "@apeiro-cmk/plugin-interface"
import { toPluginError } from "../errors/error-facts.ts"

/** A login or a renewal, as {@link recordedLogin} performs it. */
export interface RecordedLogin<Result, Kind extends PluginKind = "keystore"> {
  readonly audit: AuditPort<Kind>
  readonly logger: Logger
  readonly event: Pick<PluginAuditEvent<Kind>, "action" | "facts">
  readonly work: () => Promise<Result>
  /** Tells whether a failure has been recorded before, when it first occurred. */
  readonly isRepeated: (error: unknown) => boolean
  /** Returns further facts for the record of a success; `undefined` for a result that needs no record. */
  readonly success: (result: Result) => Pick<PluginAuditEvent, "backendRequestId"> | undefined
}

/**
 * Performs a login or a renewal and records its outcome in the tenant's audit stream. A success that cannot be recorded
 * counts as a failure.
 *
 * @throws {PluginError} the error of the work; INTERNAL, or the audit port's own code, when it could not be recorded
 */
export async function recordedLogin<Result, Kind extends PluginKind = "keystore">(
  login: RecordedLogin<Result, Kind>,
  call: CallOptions,
): Promise<Result> {
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
  message: "The login or renewal could not be recorded in the audit log, so its result is not used.",
  nextStep: "Restore the audit log, then try again.",
  origin: "host",
  retryable: true,
} as const
