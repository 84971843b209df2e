import type { PluginErrorCode } from "@apeiro-cmk/plugin-interface"

/**
 * Meaning of an error for a tenant key that the keystore was asked to unwrap:
 *
 * - `denied` - the keystore or its owner forbids the use of the L1 key. No key of the tenant stays in memory.
 * - `credential-rejected` - as `denied`, once the plugin has refreshed its credential.
 * - `mismatch` - as `denied`; the wrap holds another key, and is not used again.
 * - `wrap-rejected` - the keystore refuses this one wrap: the stored bytes were altered.
 * - `sealed` - the keystore's operator has locked it. A running lease runs to its end.
 * - `unavailable` - the keystore gave no answer. A running lease runs to its end.
 * - `unusable` - the keystore's answer cannot be served with. A running lease runs to its end.
 * - `says-nothing` - an error about the call, not about the L1 key. A running lease runs to its end.
 */
export type CustodyMeaning =
  | "denied"
  | "credential-rejected"
  | "mismatch"
  | "wrap-rejected"
  | "sealed"
  | "unavailable"
  | "unusable"
  | "says-nothing"

/** Whether an error counts against the keystore's health. An error of origin `caller` or `host` never does. */
export type HealthMeaning = "counts" | "says-nothing"

/**
 * Whether the same call may be made once more:
 *
 * - `may-retry` - yes, at the same keystore; such an error is `retryable` unless its thrower knows better.
 * - `after-refresh` - once, after the plugin has refreshed its credential; not `retryable` by default.
 * - `never` - the answer would be the same; not `retryable` by default.
 */
export type RetryMeaning = "may-retry" | "after-refresh" | "never"

/** Meaning of one error code. */
export interface ErrorMeaning {
  readonly custody: CustodyMeaning
  readonly health: HealthMeaning
  readonly retry: RetryMeaning
}

/** The one table of what each error of a plugin means. Leases, health, connection tests and the API's statuses read it. */
export const errorMeanings = {
  DENIED: { custody: "denied", health: "counts", retry: "never" },
  KEY_DISABLED: { custody: "denied", health: "counts", retry: "never" },
  KEY_PENDING_DELETION: { custody: "denied", health: "counts", retry: "never" },
  KEY_NOT_FOUND: { custody: "denied", health: "counts", retry: "never" },
  CREDENTIAL_REJECTED: { custody: "credential-rejected", health: "counts", retry: "after-refresh" },
  KEY_MISMATCH: { custody: "mismatch", health: "counts", retry: "never" },
  CIPHERTEXT_REJECTED: { custody: "wrap-rejected", health: "says-nothing", retry: "never" },
  SEALED: { custody: "sealed", health: "counts", retry: "never" },
  UNREACHABLE: { custody: "unavailable", health: "counts", retry: "may-retry" },
  TIMED_OUT: { custody: "unavailable", health: "counts", retry: "may-retry" },
  THROTTLED: { custody: "unavailable", health: "counts", retry: "may-retry" },
  KEY_UNSUITABLE: { custody: "unusable", health: "counts", retry: "never" },
  BAD_RESPONSE: { custody: "unusable", health: "counts", retry: "never" },
  INTERNAL: { custody: "says-nothing", health: "counts", retry: "never" },
  APPROVAL_PENDING: { custody: "says-nothing", health: "counts", retry: "never" },
  NOT_FOUND: { custody: "says-nothing", health: "says-nothing", retry: "never" },
  INVALID_REQUEST: { custody: "says-nothing", health: "says-nothing", retry: "never" },
  CANCELLED: { custody: "says-nothing", health: "says-nothing", retry: "never" },
  UNSUPPORTED: { custody: "says-nothing", health: "says-nothing", retry: "never" },
} as const satisfies Readonly<Record<PluginErrorCode, ErrorMeaning>>

const endsLeasesByMeaning: Readonly<Record<CustodyMeaning, boolean>> = {
  denied: true,
  "credential-rejected": true,
  // Without fallbacks there is no second wrap to turn to.
  mismatch: true,
  "wrap-rejected": false,
  sealed: false,
  unavailable: false,
  unusable: false,
  "says-nothing": false,
}

/** Tells whether an answer of L1 takes every key of the tenant out of memory at once. */
export function endsLeases(code: PluginErrorCode): boolean {
  return endsLeasesByMeaning[errorMeanings[code].custody]
}
