import assert from "node:assert/strict"
import { inspect } from "node:util"
import {
  type ConnectionStep,
  isPluginError,
  type PluginError,
  type PluginErrorCode,
} from "@apeiro-cmk/plugin-interface"
import { pluginError } from "@apeiro-cmk/plugin-sdk"
import { within } from "./case-context.ts"

/** How long a call may go on after its signal has fired: far above any scheduler's delay, far below any time-out. */
const promptlyMs = 2_000

/** Expects a rejection with a well-formed `PluginError` of one code. */
export async function expectRejection(work: Promise<unknown>, code: PluginErrorCode): Promise<PluginError> {
  const error = await rejectionOf(work)
  assert.ok(isPluginError(error), `must reject with a PluginError, and rejected with ${inspect(error)}`)
  assert.equal(error.code, code, `must reject with ${code}, and rejected with ${error.code}: ${error.message}`)
  assert.notEqual(error.nextStep.trim(), "", `${code} must say what a human does now`)
  return error
}

/** Expects that work ends moments after a signal fired, with that very reason. */
export async function expectPromptRejection(work: Promise<unknown>, code: PluginErrorCode): Promise<void> {
  await within(expectRejection(work, code), promptlyMs)
}

/** The reason of a signal whose caller gave up. */
export function cancellation(): PluginError {
  return pluginError("CANCELLED", "The contract's caller gave up.", "Nothing: this is a test.")
}

/** The reason of a signal whose deadline has passed. */
export function expiry(): PluginError {
  return pluginError("TIMED_OUT", "The contract's deadline has passed.", "Nothing: this is a test.")
}

/** Reads all steps of a connection test. */
export async function collectSteps(steps: AsyncIterable<ConnectionStep>): Promise<readonly ConnectionStep[]> {
  const collected: ConnectionStep[] = []
  for await (const step of steps) collected.push(step)
  return collected
}

async function rejectionOf(work: Promise<unknown>): Promise<unknown> {
  let answer: unknown
  try {
    answer = await work
  } catch (error) {
    return error
  }
  return assert.fail(`must reject, and answered ${inspect(answer)}`)
}
