import { type CodedError, isCodedError } from "@apeiro-cmk/plugin-interface"
import { toPluginError } from "@apeiro-cmk/plugin-sdk"

/**
 * Turns whatever a plugin threw into an error with a code. A plugin may throw plugin errors only: anything else is a fault
 * of the plugin and becomes `INTERNAL`, without its text, which is not trusted.
 */
export function asCodedError(error: unknown): CodedError {
  if (isCodedError(error)) return error
  return toPluginError(error, {
    code: "INTERNAL",
    message: "The plugin failed with an undeclared error.",
    nextStep: "Report this to the maintainers of the plugin.",
  })
}
