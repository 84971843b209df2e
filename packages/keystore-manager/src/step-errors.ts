import type { ConnectionStep, PluginError, PluginErrorCode } from "@apeiro-cmk/plugin-interface"
import { pluginError } from "@apeiro-cmk/plugin-sdk"

const pluginErrorCodes: Readonly<Record<PluginErrorCode, true>> = {
  DENIED: true,
  APPROVAL_PENDING: true,
  CREDENTIAL_REJECTED: true,
  SEALED: true,
  UNREACHABLE: true,
  TIMED_OUT: true,
  THROTTLED: true,
  KEY_DISABLED: true,
  KEY_PENDING_DELETION: true,
  KEY_NOT_FOUND: true,
  KEY_UNSUITABLE: true,
  KEY_MISMATCH: true,
  CIPHERTEXT_REJECTED: true,
  BAD_RESPONSE: true,
  INVALID_REQUEST: true,
  CANCELLED: true,
  UNSUPPORTED: true,
  INTERNAL: true,
}

/** The error that a failed step of a connection test told of; `INTERNAL` where it named no code of the interface. */
export function stepError(step: ConnectionStep): PluginError {
  const code = step.code !== undefined && isPluginErrorCode(step.code) ? step.code : "INTERNAL"
  return pluginError(code, step.message, step.nextStep ?? "Test the connection again.")
}

function isPluginErrorCode(code: string): code is PluginErrorCode {
  return Object.hasOwn(pluginErrorCodes, code)
}
