import type { CallOptions, ConnectionStep } from "@apeiro-cmk/plugin-interface"
import { runConnectionTest } from "@apeiro-cmk/plugin-sdk"
import {
  checkAppliances,
  checkClientCertificate,
  checkKeyAccess,
  checkLatency,
  checkMechanism,
  checkNetwork,
  checkPartition,
  checkRoundTrip,
} from "./checks.ts"
import type { ConnectionTest } from "./connection-check.ts"

const checks = [
  ["network", checkNetwork],
  ["client_certificate", checkClientCertificate],
  ["partition", checkPartition],
  ["key_access", checkKeyAccess],
  ["mechanism", checkMechanism],
  ["appliances", checkAppliances],
  ["round_trip", checkRoundTrip],
  ["latency", checkLatency],
] as const

// Eight shares stay below the 30 s that a whole test may take.
const stepTimeoutMs = 3_600

/** Runs the named steps one after the other; a step that fails ends the test. */
export function testConnection(test: ConnectionTest, call: CallOptions): AsyncIterable<ConnectionStep> {
  return runConnectionTest({ checks, test, stepTimeoutMs, clock: test.services.clock }, call)
}
