import { isPluginError, type PluginServices } from "@apeiro-cmk/plugin-interface"
import { toPluginError } from "@apeiro-cmk/plugin-sdk"
import type { OpenSession } from "./session.ts"

/** Records each exchange for a session in the tenant's audit stream. A session that cannot be recorded is not used. */
export function auditedSession(
  open: OpenSession,
  facts: Readonly<Record<string, string>>,
  { audit, logger }: Pick<PluginServices, "audit" | "logger">,
): OpenSession {
  return async (call) => {
    const event = { action: "keystoreLogin", facts } as const
    const session = await open(call).catch(async (error: unknown) => {
      const code = isPluginError(error) ? error.code : "INTERNAL"
      await audit.record({ ...event, outcome: "failure", code }, call).catch(() => {
        logger.error("A failed login could not be recorded", { code })
      })
      throw error
    })
    const { backendRequestId } = session
    const requestId = backendRequestId === undefined ? {} : { backendRequestId }
    await audit.record({ ...event, outcome: "success", ...requestId }, call).catch((cause: unknown) => {
      throw toPluginError(cause, {
        message: "A login could not be recorded in the audit log.",
        nextStep: "Check why the audit log does not accept entries.",
      })
    })
    return session
  }
}
