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

// Six steps together stay below the 30 s of a whole test.
const stepTimeoutMs = 4_800

/** Runs the steps one after the other; the first failure skips the rest. */
export function testConnection(test: ConnectionTest, call: CallOptions): AsyncIterable<ConnectionStep> {
  return runConnectionTest({ checks, test, stepTimeoutMs, clock: test.services.clock }, call)
}
