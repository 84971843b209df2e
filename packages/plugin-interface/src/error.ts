/** Every value of {@link ErrorOrigin}. */
export const errorOrigins = ["caller", "host", "plugin", "backend", "network"] as const

/**
 * Whose fault an error is: tells a human where to look first. `backend` is the keystore, identity provider, issuer, mesh
 * or receiver behind the plugin.
 */
export type ErrorOrigin = (typeof errorOrigins)[number]

/** Facts that every error of this project carries in addition to its code and message. */
export interface ErrorFacts {
  /** Whose fault it is. */
  readonly origin: ErrorOrigin
  /** Whether the same call may succeed when it is made again unchanged. */
  readonly retryable: boolean
  /** The next step of a human: one sentence, imperative, no secret. */
  readonly nextStep: string
  /** The error underneath. It must not carry a secret, since a log prints it. */
  readonly cause?: unknown
  /** How long to wait before a retry, in milliseconds, where the other side said so (HTTP Retry-After). */
  readonly retryAfterMs?: number
}

const codedErrorMarker = Symbol.for("@apeiro-cmk/coded-error")

/**
 * The base of every error that this project throws on purpose: a code out of a closed set, and what to do about it.
 *
 * Each package closes its own set of codes by a subclass. Recognise one with {@link isCodedError}, never with
 * `instanceof`: two installed copies of this package must agree.
 */
export class CodedError<Code extends string = string> extends Error implements ErrorFacts {
  readonly code: Code
  readonly origin: ErrorOrigin
  readonly retryable: boolean
  readonly nextStep: string
  declare readonly retryAfterMs?: number

  constructor(code: Code, message: string, facts: ErrorFacts) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause })
    this.name = new.target.name
    this.code = code
    this.origin = facts.origin
    this.retryable = facts.retryable
    this.nextStep = facts.nextStep
    if (facts.retryAfterMs !== undefined) this.retryAfterMs = facts.retryAfterMs
    Object.defineProperty(this, codedErrorMarker, { value: true })
  }
}

/** Tells whether a value is a {@link CodedError}, also one from another installed copy of this package. */
export function isCodedError(value: unknown): value is CodedError {
  return hasMarker(value, codedErrorMarker)
}

/** Tells whether an error carries the given marker symbol; the marker survives several installed copies of a package. */
export function hasMarker(value: unknown, marker: symbol): boolean {
  return typeof value === "object" && value !== null && (value as Record<symbol, unknown>)[marker] === true
}
