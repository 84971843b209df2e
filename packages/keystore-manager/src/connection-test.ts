import { type HostCall, timeBudgets } from "@apeiro-cmk/host-call"
import type { CallOptions, ConnectionStep, KeystoreV1, RandomSource } from "@apeiro-cmk/plugin-interface"
import { callOptions, pluginError, soundStep, withDeadline } from "@apeiro-cmk/plugin-sdk"
import type { CallObserver } from "./caller/measurement-stage.ts"
import { derivationStep, derivationStepName, failedStep, type RunStep } from "./derivation-step.ts"
import { pinnedKeyStep, pinnedKeyStepName } from "./pinned-key-step.ts"
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
 * Runs the plugin's own steps, then the host's. Every failure is a step; the whole ends within the test's time limit, even
 * when the plugin ignores its signal.
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
  const { health, clock } = services
  const running = callOptions({ ...call, timeoutMs: Math.min(testLimitMs, call.deadlineMs - clock.nowMs()), clock })
  const startedMs = clock.monotonicMs()
  let failed: ConnectionStep | undefined
  try {
    for await (const step of pluginSteps(open, running, services)) {
      if (step.outcome === "failed") failed ??= step
      yield step
    }
    if (failed !== undefined && record !== undefined) {
      health.noteFailure(record, clock.monotonicMs() - startedMs, stepError(failed))
    }
    yield* hostSteps(
      open,
      record,
      { ...call, signal: running.signal, deadlineMs: running.deadlineMs },
      failed,
      services,
    )
  } finally {
    running.dispose()
  }
}

/** The host's steps, each tried only where all before it succeeded. */
async function* hostSteps(
  open: () => Promise<KeystoreV1>,
  record: KeystoreRecord | undefined,
  call: HostCall,
  failedBefore: ConnectionStep | undefined,
  services: ConnectionTestServices,
): AsyncGenerator<ConnectionStep, void, void> {
  let failed = failedBefore
  for (const { name, run } of hostStepsFor(open, record, call, services)) {
    const step: ConnectionStep = failed === undefined ? await run() : skippedStep(name, failed)
    if (step.outcome === "failed") failed = step
    yield step
  }
}

/** A step of the host that has not run yet. */
interface HostStep {
  readonly name: string
  run(): Promise<ConnectionStep>
}

/** An active keystore also shows that its name still leads to the activated key, and that its stored wraps open. */
function hostStepsFor(
  open: () => Promise<KeystoreV1>,
  record: KeystoreRecord | undefined,
  call: HostCall,
  services: ConnectionTestServices,
): readonly HostStep[] {
  const { caller, clock, random } = services
  const within: RunStep = (work) => caller.call(record, call, work)
  const derivation: HostStep = {
    name: derivationStepName,
    run: async () => derivationStep(await open(), call.tenantId, clock, random, within),
  }
  if (record?.state !== "active" || record.keyIdentity === undefined) return [derivation]
  const { keyIdentity } = record
  return [
    { name: pinnedKeyStepName, run: async () => pinnedKeyStep(await open(), keyIdentity, clock, within) },
    derivation,
    { name: storedWrapStepName, run: () => storedWrapStep(record, call, services) },
  ]
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
