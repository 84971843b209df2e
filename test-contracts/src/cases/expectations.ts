import assert from "node:assert/strict"
import { inspect } from "node:util"
import {
  type ConnectionStep,
  isPluginError,
  type PluginError,
  type PluginErrorCode,
} from "@apeiro-cmk/plugin-interface"
import { pluginError } from "@apeiro-cmk/plugin-sdk"
import { findCanary } from "@apeiro-cmk/plugin-sdk/testing"
import { assertSoundError } from "./error-rules.ts"
import { within } from "./within.ts"

/** Longest time for a call after its signal has fired: far above any scheduler's delay, far below any time-out. */
const promptlyMs = 2_000

/** Expects a rejection with a well-formed `PluginError` of one code. */
export async function expectRejection(work: Promise<unknown>, code: PluginErrorCode): Promise<PluginError> {
  const error = await rejectionOf(work)
  assert.ok(isPluginError(error), `must reject with a PluginError, and rejected with ${inspect(error)}`)
  assert.equal(error.code, code, `must reject with ${code}, and rejected with ${error.code}: ${error.message}`)
  assertSoundError(error)
  return error
}

/** Expects that work ends moments after a signal fired. */
export async function expectPromptRejection(work: Promise<unknown>, code: PluginErrorCode): Promise<PluginError> {
  return within(expectRejection(work, code), promptlyMs)
}

/** Expects a rejection with a well-formed `PluginError` of one of several codes. */
export async function expectRejectionOf(
  work: Promise<unknown>,
  codes: readonly PluginErrorCode[],
): Promise<PluginError> {
  const error = await rejectionOf(work)
  assert.ok(isPluginError(error), `must reject with a PluginError, and rejected with ${inspect(error)}`)
  assert.ok(codes.includes(error.code), `must reject with one of ${codes.join(", ")}, and rejected with ${error.code}`)
  assertSoundError(error)
  return error
}

/** Makes the reason of a signal whose caller gave up. */
export function cancellation(): PluginError {
  return pluginError("CANCELLED", "The contract's caller gave up.", "Nothing: this is a test.")
}

/** Makes the reason of a signal whose deadline has passed. */
export function expiry(): PluginError {
  return pluginError("TIMED_OUT", "The contract's deadline has passed.", "Nothing: this is a test.")
}

/** Fails when a text contains a secret, in any spelling; the failure names its place in the list, not the secret. */
export function assertNoCanary(place: string, text: string, canaries: readonly (string | Uint8Array)[]): void {
  const found = findCanary(text, canaries)
  assert.equal(found, undefined, `${place} holds secret ${found?.index}, spelled as ${found?.spelling}`)
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
