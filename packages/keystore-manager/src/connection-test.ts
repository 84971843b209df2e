import { type HostCall, timeBudgets } from "@apeiro-cmk/host-call"
import type { CallOptions, ConnectionStep, KeystoreV1, RandomSource } from "@apeiro-cmk/plugin-interface"
import { callOptions, pluginError, soundStep, withDeadline } from "@apeiro-cmk/plugin-sdk"
import type { CallObserver } from "./caller/measurement-stage.ts"
import { derivationStep, derivationStepName, failedStep } from "./derivation-step.ts"
import type { KeystoreRecord } from "./records.ts"
import { stepError } from "./step-errors.ts"
import { type StoredWrapStepServices, storedWrapStep, storedWrapStepName } from "./stored-wrap-step.ts"

/** More steps than any plugin has; a plugin whose steps never end is stopped here. */
const maximumSteps = 50
const testLimitMs = timeBudgets.connectionTest.limitMs
/** The plugin's own steps leave the rest of the time to the host's step. */
const pluginShare = timeBudgets.connectionTestSteps.limitMs / testLimitMs

/** Services that a connection test uses. */
export interface ConnectionTestServices extends StoredWrapStepServices {
  readonly health: CallObserver
  readonly random: RandomSource
}

/**
 * Runs the plugin's own steps, then the host's: a round trip, and for an active keystore its stored wraps. Every failure is a step; the whole ends within the test's time limit,
 * even when the plugin ignores its signal.
 *
 * @param open - opens the keystore at its first call, and returns the same one each time
 * @param record - the saved keystore whose health the outcome belongs to; undefined for one that is not saved
 * @param call - names the keystore
 */
export async function* runConnectionTest(
  open: () => Promise<KeystoreV1>,
  record: KeystoreRecord | undefined,
  call: HostCall,
  services: ConnectionTestServices,
): AsyncGenerator<ConnectionStep, void, void> {
  const { caller, health, clock, random } = services
  const running = callOptions({ ...call, timeoutMs: Math.min(testLimitMs, call.deadlineMs - clock.nowMs()), clock })
  const startedMs = clock.monotonicMs()
  let failed: ConnectionStep | undefined
  try {
    for await (const step of pluginSteps(open, running, services)) {
      if (step.outcome === "failed") failed ??= step
      yield step
    }
    if (failed !== undefined) {
      if (record !== undefined) health.noteFailure(record, clock.monotonicMs() - startedMs, stepError(failed))
      yield skippedStep(derivationStepName, failed)
    } else {
      const keystore = await open()
      const within = <T>(work: (options: CallOptions) => Promise<T>) => caller.call(record, running, work)
      const derived = await derivationStep(keystore, call.tenantId, clock, random, within)
      if (derived.outcome === "failed") failed = derived
      yield derived
    }
    if (record?.state !== "active") return
    const { signal, deadlineMs } = running
    if (failed !== undefined) yield skippedStep(storedWrapStepName, failed)
    else yield await storedWrapStep(record, { ...call, signal, deadlineMs }, services)
  } finally {
    running.dispose()
  }
}

function skippedStep(name: string, failed: ConnectionStep): ConnectionStep {
  return { name, outcome: "skipped", durationMs: 0, message: `Not tried, since ${failed.name} failed.` }
}

/** The steps belong to no budget and to no average latency, so the caller gets no record of a keystore. */
async function* pluginSteps(
  open: () => Promise<KeystoreV1>,
  call: CallOptions,
  { caller, clock }: ConnectionTestServices,
): AsyncGenerator<ConnectionStep, void, void> {
  const share = withDeadline(call.signal, (call.deadlineMs - clock.nowMs()) * pluginShare, clock)
  const options = { ...call, signal: share.signal, deadlineMs: share.deadlineMs }
  const within = <T>(work: () => Promise<T>) => caller.call(undefined, options, work, { limitMs: testLimitMs })
  const startedMs = clock.monotonicMs()
  let steps: AsyncIterator<ConnectionStep> | undefined
  try {
    const keystore = await within(open)
    const running = keystore.testConnection(options)[Symbol.asyncIterator]()
    steps = running
    for (let count = 0; ; count += 1) {
      const next = await within(() => running.next())
      if (next.done) return
      if (count === maximumSteps) break
      yield soundStep(next.value)
    }
    throw pluginError(
      "BAD_RESPONSE",
      `The plugin reports more than ${maximumSteps} steps.`,
      "Report this to its maintainers.",
    )
  } catch (thrown) {
    yield { name: "connection", durationMs: clock.monotonicMs() - startedMs, ...failedStep(thrown) }
  } finally {
    share.dispose()
    // Not awaited: it may be what never ends.
    steps?.return?.().catch(() => undefined)
  }
}
