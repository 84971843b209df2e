import type { CallOptions, ConnectionStep } from "@apeiro-cmk/plugin-interface"
import { runConnectionTest } from "@apeiro-cmk/plugin-sdk"
import { checkAuthentication, checkClock, checkKey, checkPermissions, checkRotation, checkRoundTrip } from "./checks.ts"
import type { Check, ConnectionTest } from "./connection-check.ts"

const checks: readonly (readonly [string, Check])[] = [
  ["authentication", checkAuthentication],
  ["clock", checkClock],
  ["key_access", checkKey],
  ["permissions", checkPermissions],
  ["round_trip", checkRoundTrip],
  ["rotation", checkRotation],
]

// Six shares stay below the 30 s that a whole test may take.
const stepTimeoutMs = 4_800

/** Runs the named steps one after the other; whatever fails ends the test. */
export function testConnection(test: ConnectionTest, call: CallOptions): AsyncIterable<ConnectionStep> {
  return runConnectionTest({ checks, test, stepTimeoutMs, clock: test.services.clock }, call)
}
