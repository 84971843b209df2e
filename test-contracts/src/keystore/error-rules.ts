import assert from "node:assert/strict"
import type { ErrorOrigin, PluginError, PluginErrorCode } from "@apeiro-cmk/plugin-interface"

/** What an error may say beside its code. `retryable` is left open where the same code has causes of both kinds. */
interface ErrorRule {
  readonly origins: readonly ErrorOrigin[]
  readonly retryable?: boolean
}

const byKeystore: ErrorRule = { origins: ["keystore"], retryable: false }

/** One row for each code: whose fault it can be, and whether the same call may succeed later. */
const rules: Readonly<Record<PluginErrorCode, ErrorRule>> = {
  DENIED: byKeystore,
  APPROVAL_PENDING: byKeystore,
  CREDENTIAL_REJECTED: byKeystore,
  SEALED: { origins: ["keystore"] },
  UNREACHABLE: { origins: ["network", "keystore", "host"] },
  TIMED_OUT: { origins: ["network", "keystore", "caller", "host"], retryable: true },
  THROTTLED: { origins: ["keystore"], retryable: true },
  KEY_DISABLED: byKeystore,
  KEY_PENDING_DELETION: byKeystore,
  KEY_NOT_FOUND: byKeystore,
  KEY_UNSUITABLE: byKeystore,
  KEY_MISMATCH: byKeystore,
  CIPHERTEXT_REJECTED: { origins: ["caller"], retryable: false },
  BAD_RESPONSE: { origins: ["keystore", "network"] },
  INVALID_REQUEST: { origins: ["caller", "host"], retryable: false },
  CANCELLED: { origins: ["caller", "host"], retryable: false },
  UNSUPPORTED: { origins: ["plugin", "keystore"], retryable: false },
  INTERNAL: { origins: ["plugin"] },
}

/** Holds an error to its code: a known code, an origin and a `retryable` that fit it, and a next step for a human. */
export function assertSoundError(error: PluginError): void {
  const rule = Object.hasOwn(rules, error.code) ? rules[error.code] : undefined
  assert.ok(rule !== undefined, `${error.code} is no code of the interface`)
  assert.ok(rule.origins.includes(error.origin), `${error.code} cannot have the origin ${error.origin}`)
  assert.equal(typeof error.retryable, "boolean", `${error.code} must say whether it is retryable`)
  if (rule.retryable !== undefined) {
    assert.equal(error.retryable, rule.retryable, `${error.code} is ${rule.retryable ? "" : "not "}retryable`)
  }
  assert.ok(typeof error.nextStep === "string" && error.nextStep.trim(), `${error.code} must say what a human does now`)
  assert.notEqual(error.message.trim(), "", `${error.code} must have a message`)
}
