import type { CallOptions, Clock, ConnectionStep } from "@apeiro-cmk/plugin-interface"
import { abortable, callOptions, pluginError, soundStep, toPluginError } from "@apeiro-cmk/plugin-sdk"

/** Longest time for a connection test, in milliseconds. */
const testTimeoutMs = 30_000

/** More steps than any plugin has: a plugin that never ends is stopped here. */
const mostSteps = 50

/**
 * Yields the steps of a connection test and ends within 30 s, also when the plugin does not hear its signal. A test that
 * is late, throws or never ends gets a failed step `connection`.
 */
export async function* boundedSteps(
  test: (call: CallOptions) => AsyncIterable<ConnectionStep>,
  outer: CallOptions,
  clock: Clock,
): AsyncGenerator<ConnectionStep, void, void> {
  const timeoutMs = Math.min(testTimeoutMs, outer.deadlineMs - clock.nowMs())
  const call = callOptions({ ...outer, timeoutMs, clock })
  const startedMs = clock.monotonicMs()
  let steps: AsyncIterator<ConnectionStep> | undefined
  try {
    steps = test(call)[Symbol.asyncIterator]()
    for (let count = 0; ; count += 1) {
      const next = await abortable(steps.next(), call.signal)
      if (next.done) return
      if (count === mostSteps) break
      yield soundStep(next.value)
    }
    const message = `The plugin reports more than ${mostSteps} steps.`
    throw pluginError("BAD_RESPONSE", message, "Report this to the plugin's author.")
  } catch (thrown) {
    const { code, message, nextStep } = toPluginError(thrown, {
      message: "The connection test failed unexpectedly.",
      nextStep: "Report this to the plugin's author.",
    })
    const durationMs = clock.monotonicMs() - startedMs
    yield { name: "connection", outcome: "failed", durationMs, code, message, nextStep }
  } finally {
    call.dispose()
    // Not awaited: it may be what does not end.
    steps?.return?.().catch(() => undefined)
  }
}
