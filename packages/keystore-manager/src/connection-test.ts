import type { HostCall } from "@apeiro-cmk/audit-log"
import type { CallOptions, Clock, ConnectionStep, KeystoreV1, RandomSource } from "@apeiro-cmk/plugin-interface"
import { abortable, pluginError, withDeadline } from "@apeiro-cmk/plugin-sdk"
import type { CallPolicy } from "./call-policy.ts"
import { derivationStep, derivationStepName, failedStep } from "./derivation-step.ts"
import type { HealthBoard } from "./health.ts"
import type { KeystoreRecord } from "./records.ts"
import { stepError } from "./step-errors.ts"

/** More steps than any plugin has; a plugin that goes on for ever is stopped here. */
const maxSteps = 50
/** The plugin's own steps leave this share of the time to the host's step. */
const pluginShare = 5 / 6

/** What a connection test needs of the manager. */
export interface ConnectionTestTools {
  readonly policy: CallPolicy
  readonly health: HealthBoard
  readonly clock: Clock
  readonly random: RandomSource
}

/**
 * Runs the plugin's own steps, then the host's. Every failure is a step; the whole ends within the test's time limit,
 * also when the plugin does not listen.
 *
 * @param target - the saved keystore whose health this tells about, if it is one
 */
export async function* runConnectionTest(
  opening: Promise<KeystoreV1>,
  target: KeystoreRecord | undefined,
  call: HostCall,
  { policy, health, clock, random }: ConnectionTestTools,
): AsyncGenerator<ConnectionStep, void, void> {
  const running = policy.beginTest(call)
  const startedMs = clock.monotonicMs()
  let failed: ConnectionStep | undefined
  try {
    for await (const step of pluginSteps(opening, running, clock)) {
      if (step.outcome === "failed") failed ??= step
      yield step
    }
    if (failed === undefined) {
      const keystore = await opening
      const step = await derivationStep(keystore, call.tenantId, clock, random, (work) =>
        policy.run(target, running, work),
      )
      yield step
    } else {
      const message = `Not tried, since ${failed.name} failed.`
      yield { name: derivationStepName, outcome: "skipped", durationMs: 0, message }
      if (target !== undefined) health.noteFailure(target, clock.monotonicMs() - startedMs, stepError(failed))
    }
  } finally {
    running.dispose()
  }
}

async function* pluginSteps(
  opening: Promise<KeystoreV1>,
  call: CallOptions,
  clock: Clock,
): AsyncGenerator<ConnectionStep, void, void> {
  const share = withDeadline(call.signal, (call.deadlineMs - clock.nowMs()) * pluginShare, clock)
  const startedMs = clock.monotonicMs()
  let steps: AsyncIterator<ConnectionStep> | undefined
  try {
    const keystore = await abortable(opening, share.signal)
    const options = { ...call, signal: share.signal, deadlineMs: share.deadlineMs }
    steps = keystore.testConnection(options)[Symbol.asyncIterator]()
    for (let count = 0; count < maxSteps; count += 1) {
      const next = await abortable(steps.next(), share.signal)
      if (next.done) return
      yield next.value
    }
    throw pluginError(
      "BAD_RESPONSE",
      `The plugin reports more than ${maxSteps} steps.`,
      "Report this to its maintainers.",
    )
  } catch (thrown) {
    yield { name: "connection", durationMs: clock.monotonicMs() - startedMs, ...failedStep(thrown) }
  } finally {
    share.dispose()
    // Not awaited: it may be what does not end.
    steps?.return?.().catch(() => undefined)
  }
}
