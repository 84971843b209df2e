import type { CallOptions, ConnectionStep } from "@apeiro-cmk/plugin-interface"
import { abortable, callOptions, toPluginError } from "@apeiro-cmk/plugin-sdk"
import { checkAuthentication, checkClock, checkKey, checkPermissions, checkRotation, checkRoundTrip } from "./checks.ts"
import type { Check, CheckResult, ConnectionTest } from "./connection-check.ts"

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

/** Runs the named steps one after the other; each has its own share of the time, so that the whole ends within 30 s. */
export async function* testConnection(test: ConnectionTest, call: CallOptions): AsyncGenerator<ConnectionStep> {
  let obstacle: string | undefined
  for (const [name, check] of checks) {
    if (obstacle !== undefined) {
      yield { name, outcome: "skipped", durationMs: 0, message: `Not tried, since ${obstacle} failed.` }
      continue
    }
    const step = await run(name, check, test, call)
    if (step.outcome === "failed") obstacle = name
    yield step
  }
}

async function run(name: string, check: Check, test: ConnectionTest, outer: CallOptions): Promise<ConnectionStep> {
  const { clock } = test.services
  const { tenantId, signal, traceparent } = outer
  const startedMs = clock.monotonicMs()
  const trace = traceparent === undefined ? {} : { traceparent }
  const call = callOptions({ tenantId, timeoutMs: stepTimeoutMs, signal, clock, ...trace })
  let result: CheckResult
  try {
    result = await abortable(check(test, call), call.signal)
  } catch (error) {
    const { code, message, nextStep } = toPluginError(error, {
      message: "The step failed in a way that it should not.",
      nextStep: "Report this as a fault of the aws-irsa plugin.",
    })
    result = { outcome: "failed", code, message, nextStep }
  } finally {
    call.dispose()
  }
  return { name, durationMs: clock.monotonicMs() - startedMs, ...result }
}
