import { CodedError, type ErrorFacts, hasMarker } from "./error.ts"

/**
 * Codes that a plugin may throw: a closed set, so that the host can decide what each means for key custody.
 *
 * - `DENIED` - the backend knows the caller and refuses the operation. Never retried on another keystore.
 * - `APPROVAL_PENDING` - the backend does it once others have approved; the message names the request.
 * - `CREDENTIAL_REJECTED` - the backend does not accept the credential, token or certificate.
 * - `SEALED` - the backend runs, and is locked by its operator.
 * - `UNREACHABLE` - no answer: connection, DNS, TLS, HTTP 5xx.
 * - `TIMED_OUT` - no answer before the deadline of the call.
 * - `THROTTLED` - the backend asks to slow down.
 * - `KEY_DISABLED`, `KEY_PENDING_DELETION` - the key's state forbids the operation.
 * - `KEY_NOT_FOUND` - the keystore itself says that there is no such key. Nothing else becomes this code.
 * - `NOT_FOUND` - the backend itself says that there is no such thing: user, certificate, resource. For a key, `KEY_NOT_FOUND`.
 * - `KEY_UNSUITABLE` - wrong type, size or usage, or exportable.
 * - `KEY_MISMATCH` - the keystore returned another key's plaintext.
 * - `CIPHERTEXT_REJECTED` - altered ciphertext, or another context or key. Says nothing about the keystore's health.
 * - `BAD_RESPONSE` - the keystore's answer cannot be understood.
 * - `INVALID_REQUEST` - the configuration or the arguments are wrong.
 * - `CANCELLED` - the caller gave up.
 * - `UNSUPPORTED` - the plugin or its keystore cannot do this; the manifest says why.
 * - `INTERNAL` - a fault in the plugin.
 */
export const pluginErrorCodes = [
  "DENIED",
  "APPROVAL_PENDING",
  "CREDENTIAL_REJECTED",
  "SEALED",
  "UNREACHABLE",
  "TIMED_OUT",
  "THROTTLED",
  "KEY_DISABLED",
  "KEY_PENDING_DELETION",
  "KEY_NOT_FOUND",
  "NOT_FOUND",
  "KEY_UNSUITABLE",
  "KEY_MISMATCH",
  "CIPHERTEXT_REJECTED",
  "BAD_RESPONSE",
  "INVALID_REQUEST",
  "CANCELLED",
  "UNSUPPORTED",
  "INTERNAL",
] as const

/** One of {@link pluginErrorCodes}. */
export type PluginErrorCode = (typeof pluginErrorCodes)[number]

/** Tells whether a text is one of {@link pluginErrorCodes}. */
export function isPluginErrorCode(text: string): text is PluginErrorCode {
  return codes.has(text)
}

const codes: ReadonlySet<string> = new Set(pluginErrorCodes)

const pluginErrorMarker = Symbol.for("@apeiro-cmk/plugin-error")

/** One fault of a configuration or of arguments: where it is, what is wrong, and what would be right. */
export interface ConfigurationIssue {
  /** Path into the parsed document, e.g. `["plugins", 0, "name"]`; empty for the document itself. */
  readonly path: readonly (string | number)[]
  /** The fault, in one sentence that never repeats a value marked as secret. */
  readonly message: string
  /** The values that would be accepted, where they can be listed. */
  readonly allowed?: readonly string[]
}

/** The only error that a plugin may throw. */
export class PluginError extends CodedError<PluginErrorCode> {
  /** Each single fault, for `INVALID_REQUEST`. */
  declare readonly issues?: readonly ConfigurationIssue[]

  constructor(
    code: PluginErrorCode,
    message: string,
    facts: ErrorFacts & { readonly issues?: readonly ConfigurationIssue[] },
  ) {
    super(code, message, facts)
    if (facts.issues !== undefined) this.issues = facts.issues
    Object.defineProperty(this, pluginErrorMarker, { value: true })
  }
}

/** Tells whether a value is a {@link PluginError}, also one from another installed copy of this package. */
export function isPluginError(value: unknown): value is PluginError {
  return hasMarker(value, pluginErrorMarker)
}
