import type { PluginServices } from "@apeiro-cmk/plugin-interface"
import { recordedLogin } from "@apeiro-cmk/plugin-sdk"
import type { OpenSession } from "./session.ts"

/** Records each exchange for a session in the tenant's audit stream. A session that cannot be recorded is not used. */
export function auditedSession(
  open: OpenSession,
  facts: Readonly<Record<string, string>>,
  { audit, logger }: Pick<PluginServices, "audit" | "logger">,
): OpenSession {
  return (call) =>
    recordedLogin(
      {
        ...{ audit, logger },
        event: { action: "keystoreLogin", facts },
        work: () => open(call),
        isRepeated: () => false,
        success: ({ backendRequestId }) => (backendRequestId === undefined ? {} : { backendRequestId }),
      },
      call,
    )
}
