import type { CallOptions, ConnectionStep } from "@apeiro-cmk/plugin-interface"
import { abortable, callOptions, toPluginError } from "@apeiro-cmk/plugin-sdk"
import { checkAudit } from "./audit-check.ts"
import type { Check, CheckResult, ConnectionTest } from "./connection-check.ts"
import { checkAuthentication, checkKeyAccess, checkRoundTrip, checkTokenRenewal } from "./connection-checks.ts"
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

/** Runs the named steps one after the other; each has its own share of the time, so that the whole ends within 30 s. */
export async function* testConnection(test: ConnectionTest, call: CallOptions): AsyncGenerator<ConnectionStep> {
  let obstacle: string | undefined
  for (const [name, check] of checks) {
    if (obstacle !== undefined) {
      yield { name, outcome: "skipped", durationMs: 0, message: `Not tried, since ${obstacle} failed.` }
      continue
    }
    const step = await runCheck(name, check, test, call)
    if (step.outcome === "failed" && isObstacle(name, step.code)) obstacle = name
    yield step
  }
}

async function runCheck(name: string, check: Check, test: ConnectionTest, outer: CallOptions): Promise<ConnectionStep> {
  const { clock } = test
  const { tenantId, signal, traceparent } = outer
  const startedMs = clock.monotonicMs()
  const settings = { tenantId, timeoutMs: stepTimeoutMs, signal, clock }
  const call = callOptions(traceparent === undefined ? settings : { ...settings, traceparent })
  let result: CheckResult
  try {
    result = await abortable(check(test, call), call.signal)
  } catch (error) {
    const { code, message, nextStep } = toPluginError(error, {
      message: "The step failed in a way that it should not.",
      nextStep: "Report this as a fault of the openbao plugin.",
    })
    result = { outcome: "failed", code, message, nextStep }
  } finally {
    call.dispose()
  }
  return { name, durationMs: clock.monotonicMs() - startedMs, ...result }
}

/** Without a login nothing can be seen; without the key, or with the server gone, trying on only takes time. */
function isObstacle(name: string, code: string | undefined): boolean {
  if (name === "authentication" || name === "key_access") return true
  return ["UNREACHABLE", "TIMED_OUT", "SEALED", "CREDENTIAL_REJECTED", "THROTTLED", "CANCELLED"].includes(code ?? "")
}
