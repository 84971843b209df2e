import { type ConnectionStep, isPluginErrorCode, type PluginError } from "@apeiro-cmk/plugin-interface"
import { pluginError } from "@apeiro-cmk/plugin-sdk"

/** Makes the error that a failed step of a connection test reported; `INTERNAL` where its code is not a plugin's. */
export function stepError(step: ConnectionStep): PluginError {
  const code = step.code !== undefined && isPluginErrorCode(step.code) ? step.code : "INTERNAL"
  return pluginError(code, step.message, step.nextStep ?? "Test the connection again.")
}
