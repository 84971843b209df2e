import {
  type ConfigurationIssue,
  type ErrorFacts,
  isPluginError,
  type KeystoreCapability,
  PluginError,
  type PluginErrorCode,
} from "@apeiro-cmk/plugin-interface"

type DefaultFacts = Pick<ErrorFacts, "origin" | "retryable">

/** Facts that hold for a code unless the place that throws it knows better. */
const defaultFacts: Readonly<Record<PluginErrorCode, DefaultFacts>> = {
  DENIED: { origin: "backend", retryable: false },
  APPROVAL_PENDING: { origin: "backend", retryable: false },
  CREDENTIAL_REJECTED: { origin: "backend", retryable: false },
  SEALED: { origin: "backend", retryable: false },
  UNREACHABLE: { origin: "network", retryable: true },
  TIMED_OUT: { origin: "network", retryable: true },
  THROTTLED: { origin: "backend", retryable: true },
  KEY_DISABLED: { origin: "backend", retryable: false },
  KEY_PENDING_DELETION: { origin: "backend", retryable: false },
  KEY_NOT_FOUND: { origin: "backend", retryable: false },
  NOT_FOUND: { origin: "backend", retryable: false },
  KEY_UNSUITABLE: { origin: "backend", retryable: false },
  KEY_MISMATCH: { origin: "backend", retryable: false },
  CIPHERTEXT_REJECTED: { origin: "caller", retryable: false },
  BAD_RESPONSE: { origin: "backend", retryable: false },
  INVALID_REQUEST: { origin: "caller", retryable: false },
  CANCELLED: { origin: "caller", retryable: false },
  UNSUPPORTED: { origin: "plugin", retryable: false },
  INTERNAL: { origin: "plugin", retryable: false },
}

/** Facts of a {@link pluginError} in addition to code, message and next step. */
export type ExtraFacts = Partial<Omit<ErrorFacts, "nextStep">> & { readonly issues?: readonly ConfigurationIssue[] }

/**
 * Makes a {@link PluginError} with the origin and retryability that its code has by default.
 *
 * @param nextStep - what a human does now: one sentence, imperative, no secret
 * @param extra - what differs from the defaults, and the cause; give a foreign error as {@link scrubbedCause}
 */
export function pluginError(
  code: PluginErrorCode,
  message: string,
  nextStep: string,
  extra: ExtraFacts = {},
): PluginError {
  return new PluginError(code, message, { ...defaultFacts[code], ...extra, nextStep })
}

/** Makes the error of a capability that the manifest lists under `unsupported`. @param reason - the manifest's reason */
export function unsupported(capability: KeystoreCapability | (string & {}), reason: string): PluginError {
  return pluginError(
    "UNSUPPORTED",
    `This plugin does not support ${capability}: ${reason}`,
    "Use the keystore's own tools for this operation.",
  )
}

/**
 * Copies the parts of a foreign error that are safe to log: its name and its code. The message stays behind, since vendor errors
 * (and `JSON.parse`) put headers, bodies and credentials there.
 *
 * @param message - our own text to replace it
 */
export function scrubbedCause(value: unknown, message?: string): Error {
  const name = value instanceof Error ? plainWord(value.name) : undefined
  const code = typeof value === "object" && value !== null && "code" in value ? plainWord(value.code) : undefined
  const cause = new Error(message ?? ([name, code].filter(Boolean).join(" ") || typeof value))
  if (name !== undefined) cause.name = name
  // A stack begins with the message that was dropped, so the copy keeps its own.
  return code === undefined ? cause : Object.assign(cause, { code })
}

function plainWord(value: unknown): string | undefined {
  if (typeof value === "number") return String(value)
  return typeof value === "string" && /^[A-Za-z][A-Za-z0-9_.-]{0,63}$/.test(value) ? value : undefined
}

/** The error into which {@link toPluginError} turns a value that is not a `PluginError`. */
export interface ErrorFallback extends ExtraFacts {
  /** Default `INTERNAL`. */
  readonly code?: PluginErrorCode
  readonly message: string
  readonly nextStep: string
}

/**
 * Turns a thrown value into the only error that a plugin may throw. A `PluginError` passes unchanged; anything else
 * becomes the fallback, with the scrubbed value as its cause.
 */
export function toPluginError(value: unknown, fallback: ErrorFallback): PluginError {
  if (isPluginError(value)) return value
  const { code = "INTERNAL", message, nextStep, ...extra } = fallback
  return pluginError(code, message, nextStep, { cause: scrubbedCause(value), ...extra })
}
