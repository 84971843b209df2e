import type { CallOptions, Clock, ConnectionStep } from "@apeiro-cmk/plugin-interface"
import { toPluginError } from "../errors/error-facts.ts"
import { abortable, callOptions } from "./deadline.ts"

/** Result of one step of a connection test; {@link runConnectionTest} adds its name and duration. */
export type CheckResult = Omit<ConnectionStep, "name" | "durationMs">

/** Runs one step of a connection test. A rejection is the step's failure. */
export type ConnectionCheck<Test> = (test: Test, call: CallOptions) => Promise<CheckResult>

/** Settings of {@link runConnectionTest}. */
export interface ConnectionTestSettings<Test> {
  /** The steps by name, in their order. */
  readonly checks: readonly (readonly [name: string, check: ConnectionCheck<Test>])[]
  /** Passed to each check. */
  readonly test: Test
  /** Longest time for one step, in milliseconds; all steps together must stay below the 30 s of a whole test. */
  readonly stepTimeoutMs: number
  readonly clock: Clock
  /** Tells whether the following steps are skipped after this failure. Default: after every failure. */
  readonly isObstacle?: (failed: ConnectionStep) => boolean
}

/** Runs the steps of a connection test one after the other, each within its own share of the time. */
export async function* runConnectionTest<Test>(
  settings: ConnectionTestSettings<Test>,
  call: CallOptions,
): AsyncGenerator<ConnectionStep> {
  const { checks, isObstacle = () => true } = settings
  let obstacle: string | undefined
  for (const [name, check] of checks) {
    if (obstacle !== undefined) {
      yield { name, outcome: "skipped", durationMs: 0, message: `Not tried, because ${obstacle} failed.` }
      continue
    }
    const step = await runCheck(name, check, settings, call)
    if (step.outcome === "failed" && isObstacle(step)) obstacle = name
    yield step
  }
}

async function runCheck<Test>(
  name: string,
  check: ConnectionCheck<Test>,
  { test, stepTimeoutMs, clock }: ConnectionTestSettings<Test>,
  outer: CallOptions,
): Promise<ConnectionStep> {
  const startedMs = clock.monotonicMs()
  const call = callOptions({ ...outer, purpose: "test", timeoutMs: stepTimeoutMs, clock })
  let result: CheckResult
  try {
    result = await abortable(check(test, call), call.signal)
  } catch (error) {
    const { code, message, nextStep } = toPluginError(error, {
      message: "The step failed unexpectedly.",
      nextStep: "Report this as a fault of the plugin.",
    })
    result = { outcome: "failed", code, message, nextStep }
  } finally {
    call.dispose()
  }
  return { name, durationMs: clock.monotonicMs() - startedMs, ...result }
}
