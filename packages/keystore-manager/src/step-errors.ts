import { type ConnectionStep, isPluginErrorCode, type PluginError } from "@apeiro-cmk/plugin-interface"
import { pluginError } from "@apeiro-cmk/plugin-sdk"

/** The error that a failed step of a connection test told of; `INTERNAL` where it named no code of the interface. */
export function stepError(step: ConnectionStep): PluginError {
  const code = step.code !== undefined && isPluginErrorCode(step.code) ? step.code : "INTERNAL"
  return pluginError(code, step.message, step.nextStep ?? "Test the connection again.")
}
