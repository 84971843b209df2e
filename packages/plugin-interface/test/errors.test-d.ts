import { expectTypeOf } from "vitest"
import {
  CodedError,
  type ErrorFacts,
  type ErrorOrigin,
  isCodedError,
  isPluginError,
  PluginError,
  type PluginErrorCode,
} from "../src/index.ts"

const facts: ErrorFacts = { origin: "backend", retryable: false, nextStep: "Enable the key." }

// The codes are a closed set: a host can decide about each, and a plugin can invent none.
expectTypeOf<PluginError["code"]>().toEqualTypeOf<PluginErrorCode>()
// @ts-expect-error - no code of the set
new PluginError("KEY_LOST", "lost", facts)
// @ts-expect-error - a next step is not optional
new PluginError("DENIED", "denied", { origin: "backend", retryable: false })
// @ts-expect-error - nobody else can be at fault
new PluginError("DENIED", "denied", { ...facts, origin: "weather" })

// Every code can be handled without a default branch; a code that is added makes this file fail to compile.
export function meaning(code: PluginErrorCode): "refused" | "unavailable" | "fault" {
  switch (code) {
    case "DENIED":
    case "CREDENTIAL_REJECTED":
    case "KEY_DISABLED":
    case "KEY_PENDING_DELETION":
    case "KEY_NOT_FOUND":
    case "NOT_FOUND":
    case "KEY_UNSUITABLE":
    case "APPROVAL_PENDING":
    case "KEY_MISMATCH":
    case "CIPHERTEXT_REJECTED":
      return "refused"
    case "SEALED":
    case "UNREACHABLE":
    case "TIMED_OUT":
    case "THROTTLED":
      return "unavailable"
    case "BAD_RESPONSE":
    case "INVALID_REQUEST":
    case "CANCELLED":
    case "UNSUPPORTED":
    case "INTERNAL":
      return "fault"
  }
}

// Another package closes its own set.
type StoreErrorCode = "ROOT_KEY_INVALID" | "CREDENTIAL_NOT_FOUND"
class StoreError extends CodedError<StoreErrorCode> {}
expectTypeOf<StoreError["code"]>().toEqualTypeOf<StoreErrorCode>()
// @ts-expect-error - no code of that set
new StoreError("DENIED", "denied", facts)

// The guards narrow what was caught.
export function codeOf(caught: unknown): string | undefined {
  if (isPluginError(caught)) {
    expectTypeOf(caught).toEqualTypeOf<PluginError>()
    expectTypeOf(caught.origin).toEqualTypeOf<ErrorOrigin>()
    return caught.code
  }
  return isCodedError(caught) ? caught.code : undefined
}
