import type { CallOptions, ConnectionStep } from "@apeiro-cmk/plugin-interface"
import { runConnectionTest } from "@apeiro-cmk/plugin-sdk"
import { checkKeyAccess, checkKeyFile, checkRoundTrip } from "./checks.ts"
import type { ConnectionTest } from "./connection-check.ts"

const checks = [
  ["key_file", checkKeyFile],
  ["key_access", checkKeyAccess],
  ["encrypt_decrypt", checkRoundTrip],
] as const

// Three shares stay below the 30 s that a whole test may take.
const stepTimeoutMs = 9_600

/** Runs the named steps one after the other; the first that fails is the last. */
export async function* testConnection(test: ConnectionTest, call: CallOptions): AsyncGenerator<ConnectionStep> {
  for await (const step of runConnectionTest({ checks, test, stepTimeoutMs, clock: test.clock }, call)) {
    yield step
    if (step.outcome === "failed") return
  }
}
