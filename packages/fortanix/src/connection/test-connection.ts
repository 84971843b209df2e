import type { CallOptions, ConnectionStep } from "@apeiro-cmk/plugin-interface"
import { runConnectionTest } from "@apeiro-cmk/plugin-sdk"
import {
  checkAudit,
  checkAuthentication,
  checkConnectivity,
  checkKeyAccess,
  checkPermissions,
  checkRoundTrip,
} from "./checks.ts"
import type { ConnectionTest } from "./connection-check.ts"

/** The steps of story 2, step 4, except the derivation test, which is the host's own step. */
const checks = [
  ["connectivity", checkConnectivity],
  ["authentication", checkAuthentication],
  ["permissions", checkPermissions],
  ["key_access", checkKeyAccess],
  ["round_trip", checkRoundTrip],
  ["audit_test", checkAudit],
] as const

// Six shares stay below the 30 s that a whole test may take.
const stepTimeoutMs = 4_800

/** Runs the named steps one after the other; a step that fails ends the test. */
export function testConnection(test: ConnectionTest, call: CallOptions): AsyncIterable<ConnectionStep> {
  return runConnectionTest({ checks, test, stepTimeoutMs, clock: test.services.clock }, call)
}
