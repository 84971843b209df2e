import assert from "node:assert/strict"
import type { ErrorOrigin, PluginError, PluginErrorCode } from "@apeiro-cmk/plugin-interface"

/** Facts that an error of a code may state. `retryable` is absent where the same code has causes of both kinds. */
interface ErrorRule {
  readonly origins: readonly ErrorOrigin[]
  readonly retryable?: boolean
}

const byBackend: ErrorRule = { origins: ["backend"], retryable: false }

/** One row for each code: its possible origins, and whether the same call may succeed later. */
const rules: Readonly<Record<PluginErrorCode, ErrorRule>> = {
  DENIED: byBackend,
  APPROVAL_PENDING: byBackend,
  CREDENTIAL_REJECTED: byBackend,
  SEALED: { origins: ["backend"] },
  UNREACHABLE: { origins: ["network", "backend", "host"] },
  TIMED_OUT: { origins: ["network", "backend", "caller", "host"], retryable: true },
  THROTTLED: { origins: ["backend"], retryable: true },
  KEY_DISABLED: byBackend,
  KEY_PENDING_DELETION: byBackend,
  KEY_NOT_FOUND: byBackend,
  NOT_FOUND: byBackend,
  KEY_UNSUITABLE: byBackend,
  KEY_MISMATCH: byBackend,
  CIPHERTEXT_REJECTED: { origins: ["caller"], retryable: false },
  BAD_RESPONSE: { origins: ["backend", "network"] },
  INVALID_REQUEST: { origins: ["caller", "host"], retryable: false },
  CANCELLED: { origins: ["caller", "host"], retryable: false },
  UNSUPPORTED: { origins: ["plugin", "backend"], retryable: false },
  INTERNAL: { origins: ["plugin"] },
}

/** Fails unless an error is sound: a known code, an origin and a `retryable` that fit it, and a next step for a human. */
export function assertSoundError(error: PluginError): void {
  const rule = Object.hasOwn(rules, error.code) ? rules[error.code] : undefined
  assert.ok(rule !== undefined, `${error.code} is not a code of the interface`)
  assert.ok(rule.origins.includes(error.origin), `${error.code} cannot have the origin ${error.origin}`)
  assert.equal(typeof error.retryable, "boolean", `${error.code} must say whether it is retryable`)
  if (rule.retryable !== undefined) {
    assert.equal(error.retryable, rule.retryable, `${error.code} is ${rule.retryable ? "" : "not "}retryable`)
  }
  assert.ok(typeof error.nextStep === "string" && error.nextStep.trim(), `${error.code} must say what a human does now`)
  assert.notEqual(error.message.trim(), "", `${error.code} must have a message`)
}
