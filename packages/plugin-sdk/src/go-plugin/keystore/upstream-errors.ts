import { isPluginError, type PluginErrorCode } from "@apeiro-cmk/plugin-interface"
import { status } from "@grpc/grpc-js"
import { WireError } from "../wire/wire-error.ts"
import { infoOf } from "./plugin-error-info.ts"

/** A row: gRPC code, and the message where the host compares it letter by letter. */
interface Row {
  readonly code: status
  readonly message?: string
}

const authentication = "failed to authenticate with the keystore provider"
const unfitKey = "failed to get key"

/**
 * What the upstream host makes of an error depends on code and exact message. Source: openkcm/plugin-sdk v0.14.0,
 * `pkg/plugin/keystore/errors`; rows without a message have none there.
 */
const rows: Readonly<Record<PluginErrorCode, Row>> = {
  DENIED: { code: status.INVALID_ARGUMENT, message: authentication },
  CREDENTIAL_REJECTED: { code: status.INVALID_ARGUMENT, message: authentication },
  KEY_NOT_FOUND: { code: status.NOT_FOUND, message: "key not found in the keystore provider" },
  KEY_UNSUITABLE: { code: status.UNKNOWN, message: unfitKey },
  KEY_MISMATCH: { code: status.UNKNOWN, message: unfitKey },
  BAD_RESPONSE: { code: status.UNKNOWN, message: unfitKey },
  SEALED: { code: status.UNAVAILABLE },
  UNREACHABLE: { code: status.UNAVAILABLE },
  TIMED_OUT: { code: status.DEADLINE_EXCEEDED },
  THROTTLED: { code: status.RESOURCE_EXHAUSTED },
  KEY_DISABLED: { code: status.FAILED_PRECONDITION },
  KEY_PENDING_DELETION: { code: status.FAILED_PRECONDITION },
  CIPHERTEXT_REJECTED: { code: status.INVALID_ARGUMENT },
  INVALID_REQUEST: { code: status.INVALID_ARGUMENT },
  CANCELLED: { code: status.CANCELLED },
  UNSUPPORTED: { code: status.UNIMPLEMENTED },
  INTERNAL: { code: status.INTERNAL },
}

export const errorDomain = "apeiro-cmk"

/** Tells whether a text is one of a plugin's codes. */
export function isPluginErrorCode(text: string): text is PluginErrorCode {
  return Object.hasOwn(rows, text)
}

/** Translates what a plugin rejects with; its own code, origin and next step travel as `ErrorInfo`. */
export function upstreamError(error: unknown): WireError {
  if (error instanceof WireError) return error
  if (!isPluginError(error))
    return new WireError(status.INTERNAL, "the plugin failed in a way that it does not declare")
  const { code, message } = rows[error.code]
  return new WireError(code, message ?? error.message, infoOf(error), { cause: error })
}

/** Why access data cannot be used, in the two words that the upstream host knows. */
export function invalidAccessData(reason: "MISSING_FIELDS" | "CANNOT_PARSE_DATA", metadata: Record<string, string>) {
  return new WireError(status.INVALID_ARGUMENT, "invalid key access data", { reason, domain: errorDomain, metadata })
}
