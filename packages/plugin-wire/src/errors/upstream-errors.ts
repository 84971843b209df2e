import { isPluginError, type PluginErrorCode } from "@apeiro-cmk/plugin-interface"
import { status } from "@grpc/grpc-js"
import { WireError } from "../wire/wire-error.ts"
import { errorDomain } from "./error-domain.ts"
import { infoOf } from "./plugin-error-info.ts"

/** A row of the table. The message is present where the host compares it letter by letter. */
interface Row {
  readonly keystore: { readonly code: status; readonly message?: string }
  readonly others: status
}

const authentication = { code: status.INVALID_ARGUMENT, message: "failed to authenticate with the keystore provider" }
const unfitKey = { code: status.UNKNOWN, message: "failed to get key" }
const noSuchKey = { code: status.NOT_FOUND, message: "key not found in the keystore provider" }

/** The same for every kind, and no message that the host compares. */
const row = (code: status): Row => ({ keystore: { code }, others: code })

/**
 * The upstream host decides by code and exact message what an error means. Source: openkcm/plugin-sdk v0.14.0,
 * `pkg/plugin/keystore/errors`; rows without a message have none there, and plugins of other kinds have none at all.
 * NOT_FOUND keeps the plugin's own message: upstream's would say that it is the key that does not exist.
 */
const rows: Readonly<Record<PluginErrorCode, Row>> = {
  DENIED: { keystore: authentication, others: status.PERMISSION_DENIED },
  CREDENTIAL_REJECTED: { keystore: authentication, others: status.UNAUTHENTICATED },
  KEY_NOT_FOUND: { keystore: noSuchKey, others: status.NOT_FOUND },
  NOT_FOUND: row(status.NOT_FOUND),
  KEY_UNSUITABLE: { keystore: unfitKey, others: status.FAILED_PRECONDITION },
  KEY_MISMATCH: { keystore: unfitKey, others: status.FAILED_PRECONDITION },
  BAD_RESPONSE: { keystore: unfitKey, others: status.UNKNOWN },
  SEALED: row(status.UNAVAILABLE),
  UNREACHABLE: row(status.UNAVAILABLE),
  TIMED_OUT: row(status.DEADLINE_EXCEEDED),
  THROTTLED: row(status.RESOURCE_EXHAUSTED),
  APPROVAL_PENDING: row(status.FAILED_PRECONDITION),
  KEY_DISABLED: row(status.FAILED_PRECONDITION),
  KEY_PENDING_DELETION: row(status.FAILED_PRECONDITION),
  CIPHERTEXT_REJECTED: row(status.INVALID_ARGUMENT),
  INVALID_REQUEST: row(status.INVALID_ARGUMENT),
  CANCELLED: row(status.CANCELLED),
  UNSUPPORTED: row(status.UNIMPLEMENTED),
  INTERNAL: row(status.INTERNAL),
}

/** Translates the error of a keystore plugin; its own code, origin and next step travel as `ErrorInfo`. */
export function keystoreWireError(error: unknown): WireError {
  return translated(error, (code) => rows[code].keystore)
}

/** Translates the error of a plugin of another kind; its own code, origin and next step travel as `ErrorInfo`. */
export function wireError(error: unknown): WireError {
  return translated(error, (code) => ({ code: rows[code].others }))
}

const foreignCodes: { readonly [code in status]?: PluginErrorCode } = {
  [status.NOT_FOUND]: "NOT_FOUND",
  [status.INVALID_ARGUMENT]: "INVALID_REQUEST",
  [status.PERMISSION_DENIED]: "DENIED",
  [status.UNAUTHENTICATED]: "CREDENTIAL_REJECTED",
  [status.FAILED_PRECONDITION]: "KEY_UNSUITABLE",
  [status.RESOURCE_EXHAUSTED]: "THROTTLED",
  [status.UNIMPLEMENTED]: "UNSUPPORTED",
}

/** Returns the code that fits an error in upstream's own terms; `undefined` where they do not say what it means. */
export function foreignKeystoreCode({ code, message }: WireError): PluginErrorCode | undefined {
  if (code === noSuchKey.code && message === noSuchKey.message) return "KEY_NOT_FOUND"
  if (code === authentication.code && message === authentication.message) return "CREDENTIAL_REJECTED"
  if (code === unfitKey.code && message === unfitKey.message) return "BAD_RESPONSE"
  return foreignCodes[code]
}

function translated(error: unknown, answer: (code: PluginErrorCode) => Row["keystore"]): WireError {
  if (error instanceof WireError) return error
  if (!isPluginError(error)) {
    return new WireError(status.INTERNAL, "the plugin failed in a way that it does not declare", undefined, {
      cause: error,
    })
  }
  const { code, message } = answer(error.code)
  return new WireError(code, message ?? error.message, infoOf(error), { cause: error })
}

/** Makes the error of access data that cannot be used, with one of the two reasons that the upstream host knows. */
export function invalidAccessData(reason: "MISSING_FIELDS" | "CANNOT_PARSE_DATA", metadata: Record<string, string>) {
  return new WireError(status.INVALID_ARGUMENT, "invalid key access data", { reason, domain: errorDomain, metadata })
}
