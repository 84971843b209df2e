import { tenantKeyUnreadable } from "@apeiro-cmk/key-hierarchy"
import { type CodedError, type ConnectionStep, isPluginErrorCode } from "@apeiro-cmk/plugin-interface"
import { pluginError } from "@apeiro-cmk/plugin-sdk"

/** Makes the error that a failed step of a connection test reported; `INTERNAL` where its code is not known. */
export function stepError(step: ConnectionStep): CodedError {
  if (step.code === "TENANT_KEY_UNREADABLE") return tenantKeyUnreadable()
  const code = step.code !== undefined && isPluginErrorCode(step.code) ? step.code : "INTERNAL"
  return pluginError(code, step.message, step.nextStep ?? "Test the connection again.")
}
