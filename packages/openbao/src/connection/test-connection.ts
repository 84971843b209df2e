import type { CallOptions, ConnectionStep } from "@apeiro-cmk/plugin-interface"
import { runConnectionTest } from "@apeiro-cmk/plugin-sdk"
import { checkAudit } from "./audit-check.ts"
import { checkAuthentication, checkKeyAccess, checkRoundTrip, checkTokenRenewal } from "./checks.ts"
import type { Check, ConnectionTest } from "./connection-check.ts"
import { checkPolicy } from "./policy-check.ts"

/** Story 4, step 5, a real round trip, and what story 2 calls the audit test. */
const checks: readonly (readonly [string, Check])[] = [
  ["authentication", checkAuthentication],
  ["key_access", checkKeyAccess],
  ["policy_enforcement", checkPolicy],
  ["token_renewal", checkTokenRenewal],
  ["round_trip", checkRoundTrip],
  ["audit_test", checkAudit],
]

// Six shares stay below the 30 s that a whole test may take.
const stepTimeoutMs = 4_800

/** Runs the named steps one after the other. */
export function testConnection(test: ConnectionTest, call: CallOptions): AsyncIterable<ConnectionStep> {
  return runConnectionTest({ checks, test, stepTimeoutMs, clock: test.clock, isObstacle }, call)
}

/** Without a login nothing can be seen; without the key, or with the server gone, trying on only takes time. */
function isObstacle({ name, code }: ConnectionStep): boolean {
  if (name === "authentication" || name === "key_access") return true
  return ["UNREACHABLE", "TIMED_OUT", "SEALED", "CREDENTIAL_REJECTED", "THROTTLED", "CANCELLED"].includes(code ?? "")
}
