import { type Clock, isCodedError, isPluginError, type Logger, type Plugin } from "@apeiro-cmk/plugin-interface"
import { abortable, scrubbedCause, withDeadline } from "@apeiro-cmk/plugin-sdk"
import type { HostRuntimeError } from "../errors.ts"
import { joinFailures, pluginFailure } from "../load/load-failures.ts"
import { Catalog } from "./catalog.ts"
import type { PluginSlot } from "./plugin-slot.ts"

/** How plugins are started and stopped. */
export interface StartOptions {
  /** Longest time for one plugin's start, in milliseconds. Default 30,000. */
  readonly timeoutMs?: number
  /** Longest time for one plugin's stop, in milliseconds. Default 10,000. */
  readonly stopTimeoutMs?: number
  /** Cancels the start: plugins that have started are stopped again. */
  readonly signal?: AbortSignal
  readonly clock: Clock
  readonly logger: Logger
}

/** Plugins that have been started. */
export interface RunningPlugins {
  /**
   * Stops them, last started first; one that fails does not hold up the others. Idempotent.
   * @throws {HostRuntimeError} PLUGIN_STOP_FAILED - the first failure, the others in `alsoFailed`; all have been tried
   */
  stop(): Promise<void>
}

interface Limits {
  readonly timeoutMs: number
  readonly stopTimeoutMs: number
  readonly signal: AbortSignal | undefined
  readonly clock: Clock
  readonly logger: Logger
}

type Instance = Plugin

/**
 * Creates and starts the plugins of a catalog, in the profile's order, each within its time.
 *
 * @throws {HostRuntimeError} PLUGIN_START_FAILED - a plugin with `onFailure: abort` failed or took too long; those that
 * had started are stopped, last first. One with `onFailure: continue` is left in the state `failed`.
 */
export async function startPlugins(catalog: Catalog, options: StartOptions): Promise<RunningPlugins> {
  const { timeoutMs = 30_000, stopTimeoutMs = 10_000, signal, clock, logger } = options
  const limits: Limits = { timeoutMs, stopTimeoutMs, signal, clock, logger }
  const slots = Catalog.slotsOf(catalog)
  for (const slot of slots) {
    if (slot.state !== "loaded") continue
    const failure = await startPlugin(slot, limits)
    if (failure === undefined) continue
    if (slot.entry.onFailure === "continue" && signal?.aborted !== true) continue
    throw joinFailures(failure, await stopAll(slots, limits))
  }
  let stopping: Promise<void> | undefined
  return {
    stop() {
      stopping ??= stopOrThrow(slots, limits)
      return stopping
    },
  }
}

async function startPlugin(slot: PluginSlot, limits: Limits): Promise<HostRuntimeError | undefined> {
  slot.state = "starting"
  const deadline = withDeadline(limits.signal, limits.timeoutMs, limits.clock)
  let instance: Instance | undefined
  let started: Promise<void> | undefined
  try {
    deadline.signal.throwIfAborted()
    instance = makeInstance(slot)
    started = callPlugin(instance, (plugin) => plugin.start(deadline.signal))
    await abortable(started, deadline.signal)
    slot.instance = instance
    slot.state = "running"
    return undefined
  } catch (error) {
    const failure = startFailure(slot, error, limits)
    slot.state = "failed"
    slot.error = failure
    limits.logger.error("plugin failed to start", {
      plugin: slot.entry.name,
      code: failure.code,
      error: failure.message,
    })
    if (instance !== undefined) await release(slot, instance, limits)
    if (instance !== undefined && started !== undefined && deadline.signal.aborted) {
      void releaseWhenStarted(slot, instance, started, limits)
    }
    return failure
  } finally {
    deadline.dispose()
  }
}

function makeInstance({ ready }: PluginSlot): Instance {
  if (ready === undefined) throw new TypeError("a plugin that was not loaded cannot be created")
  return ready.definition.create(ready.configuration, ready.services)
}

/** A plugin may throw where it should reject. */
async function callPlugin(instance: Instance, call: (instance: Instance) => Promise<void>): Promise<void> {
  await call(instance)
}

/** Releases what a half-started plugin holds, as after a start; a second failure changes nothing. */
async function release(slot: PluginSlot, instance: Instance, limits: Limits): Promise<void> {
  const failure = await stopInstance(slot, instance, limits)
  if (failure !== undefined) logStopFailure(failure, limits)
}

/** A start that did not hear its signal may still succeed, after the stop that followed it. */
async function releaseWhenStarted(slot: PluginSlot, instance: Instance, started: Promise<void>, limits: Limits) {
  const [outcome] = await Promise.allSettled([started])
  if (outcome.status === "fulfilled") await release(slot, instance, limits)
}

async function stopOrThrow(slots: readonly PluginSlot[], limits: Limits): Promise<void> {
  const [first, ...others] = await stopAll(slots, limits)
  if (first !== undefined) throw joinFailures(first, others)
}

async function stopAll(slots: readonly PluginSlot[], limits: Limits): Promise<readonly HostRuntimeError[]> {
  const failures: HostRuntimeError[] = []
  for (const slot of slots.toReversed()) {
    if (slot.state !== "running" || slot.instance === undefined) continue
    slot.state = "stopping"
    const failure = await stopInstance(slot, slot.instance, limits)
    slot.state = failure === undefined ? "stopped" : "failed"
    if (failure === undefined) continue
    slot.error = failure
    failures.push(failure)
    logStopFailure(failure, limits)
  }
  return failures
}

async function stopInstance(
  slot: PluginSlot,
  instance: Instance,
  limits: Limits,
): Promise<HostRuntimeError | undefined> {
  const deadline = withDeadline(undefined, limits.stopTimeoutMs, limits.clock)
  try {
    await abortable(
      callPlugin(instance, (plugin) => plugin.stop()),
      deadline.signal,
    )
    return undefined
  } catch (error) {
    const why = deadline.signal.aborted
      ? `did not stop within ${limits.stopTimeoutMs} ms`
      : `failed to stop: ${say(slot, error)}`
    const nextStep =
      "End the host's process; what the plugin still holds ends with it. Report it to the plugin's author."
    return pluginFailure(slot.entry, "PLUGIN_STOP_FAILED", why, nextStep, { cause: scrubbedCause(error) })
  } finally {
    deadline.dispose()
  }
}

function logStopFailure(failure: HostRuntimeError, { logger }: Limits): void {
  logger.error("plugin failed to stop", { plugin: failure.plugin ?? "", code: failure.code, error: failure.message })
}

function startFailure(slot: PluginSlot, error: unknown, limits: Limits): HostRuntimeError {
  const timedOut = isPluginError(error) && error.code === "TIMED_OUT"
  const why = timedOut ? `did not start within ${limits.timeoutMs} ms` : `failed to start: ${say(slot, error)}`
  const hint = isCodedError(error) && !timedOut ? slot.redact(error.nextStep) : undefined
  return pluginFailure(
    slot.entry,
    "PLUGIN_START_FAILED",
    why,
    hint ??
      "Check what the plugin connects to and its configuration; or set `onFailure: continue` to start without it.",
    {
      cause: scrubbedCause(error),
      ...(isCodedError(error) ? { origin: error.origin, retryable: error.retryable } : {}),
    },
  )
}

function say(slot: PluginSlot, error: unknown): string {
  return slot.redact(error instanceof Error ? error.message : String(error))
}
