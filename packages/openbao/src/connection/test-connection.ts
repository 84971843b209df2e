import type { CallOptions, ConnectionStep } from "@apeiro-cmk/plugin-interface"
import { runConnectionTest } from "@apeiro-cmk/plugin-sdk"
import { checkActiveNode } from "./active-node-check.ts"
import { checkAudit } from "./audit-check.ts"
import { checkAuthentication, checkKeyAccess, checkRoundTrip, checkTokenRenewal } from "./checks.ts"
import type { Check, ConnectionTest } from "./connection-check.ts"
import { checkPolicy } from "./policy-check.ts"

/** The steps of story 4, step 5, plus the node that answers, a real round trip and the audit test of story 2. */
const checks: readonly (readonly [string, Check])[] = [
  ["authentication", checkAuthentication],
  ["active_node", checkActiveNode],
  ["key_access", checkKeyAccess],
  ["policy_enforcement", checkPolicy],
  ["token_renewal", checkTokenRenewal],
  ["round_trip", checkRoundTrip],
  ["audit_test", checkAudit],
]

// Seven steps together stay below the 30 s of a whole test.
const stepTimeoutMs = 4_100

/** Runs the steps one after the other. */
export function testConnection(test: ConnectionTest, call: CallOptions): AsyncIterable<ConnectionStep> {
  return runConnectionTest({ checks, test, stepTimeoutMs, clock: test.clock, isObstacle }, call)
}

/** After a failed login nothing can be tested; without the key or the server, further steps only take time. */
function isObstacle({ name, code }: ConnectionStep): boolean {
  if (name === "authentication" || name === "key_access") return true
  return ["UNREACHABLE", "TIMED_OUT", "SEALED", "CREDENTIAL_REJECTED", "THROTTLED", "CANCELLED"].includes(code ?? "")
}
