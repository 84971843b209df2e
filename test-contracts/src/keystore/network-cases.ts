import assert from "node:assert/strict"
import { setTimeout as delay } from "node:timers/promises"
import { isPluginError } from "@apeiro-cmk/plugin-interface"
import { context, type KeystoreCase, type KeystoreCaseContext, plaintext, within } from "./case-context.ts"
import { expectStillWorks } from "./cryptography-cases.ts"
import { cancellation, collectSteps, expectPromptRejection, expectRejection } from "./expectations.ts"

const shortTimeoutMs = 300
const connectionsCloseWithinMs = 5_000
const recoversWithinMs = 10_000
const parallelCalls = 20

export const networkCases: readonly KeystoreCase[] = [
  {
    name: "says UNREACHABLE with the origin network when connections are refused, and works again afterwards",
    async run(opened) {
      await expectStillWorks(opened)
      await opened.proxied.setMode("refuse")
      const error = await expectRejection(encrypt(opened), "UNREACHABLE")
      assert.equal(error.origin, "network")
      await opened.proxied.setMode("pass")
      await expectRecovery(opened)
    },
  },
  {
    name: "says UNREACHABLE with the origin network when connections are reset, and works again afterwards",
    async run(opened) {
      await expectStillWorks(opened)
      await opened.proxied.setMode("reset")
      const error = await expectRejection(encrypt(opened), "UNREACHABLE")
      assert.equal(error.origin, "network")
      await opened.proxied.setMode("pass")
      await expectRecovery(opened)
    },
  },
  {
    name: "is unreachable from the first call on when nobody listens, and works as soon as somebody does",
    async run(opened) {
      await opened.proxied.setMode("refuse")
      await expectRejection(encrypt(opened), "UNREACHABLE")
      await opened.proxied.setMode("pass")
      await expectRecovery(opened)
    },
  },
  {
    name: "rejects promptly with CANCELLED when the caller gives up in the middle of a call",
    async run(opened) {
      await expectStillWorks(opened)
      const giveUp = new AbortController()
      const { work } = await startIntoBlackHole(opened, giveUp.signal)
      giveUp.abort(cancellation())
      await expectPromptRejection(work, "CANCELLED")
      await opened.proxied.setMode("pass")
      await expectRecovery(opened)
    },
  },
  {
    name: "rejects promptly with TIMED_OUT when the deadline passes in the middle of a call",
    async run(opened) {
      await expectStillWorks(opened)
      await opened.proxied.setMode("blackHole")
      const call = opened.call({ timeoutMs: shortTimeoutMs })
      const request = { key: opened.instance.defaultKey, plaintext, context }
      await expectPromptRejection(opened.instance.encrypt(request, call), "TIMED_OUT")
      await opened.proxied.setMode("pass")
      await expectRecovery(opened)
    },
  },
  {
    name: `rejects each of ${parallelCalls} parallel calls when the keystore falls silent`,
    async run(opened) {
      await opened.proxied.setMode("blackHole")
      const request = { key: opened.instance.defaultKey, plaintext, context }
      const calls = Array.from({ length: parallelCalls }, () =>
        expectPromptRejection(
          opened.instance.encrypt(request, opened.call({ timeoutMs: shortTimeoutMs })),
          "TIMED_OUT",
        ),
      )
      await Promise.all(calls)
      await opened.proxied.setMode("pass")
      await expectRecovery(opened)
    },
  },
  {
    name: "rejects a call in flight with CANCELLED when the keystore is closed",
    async run(opened) {
      const { work } = await startIntoBlackHole(opened)
      await opened.instance.close()
      await expectPromptRejection(work, "CANCELLED")
    },
  },
  {
    name: "ends a connection test against a silent keystore with a failed step, by its deadline",
    async run({ instance, proxied, call }) {
      await proxied.setMode("blackHole")
      const steps = collectSteps(instance.testConnection(call({ timeoutMs: shortTimeoutMs })))
      const failed = (await within(steps, shortTimeoutMs + 2_000)).find((step) => step.outcome === "failed")
      assert.equal(failed?.code, "TIMED_OUT")
      assert.ok(failed.nextStep?.trim(), "the failed step must say what to do")
    },
  },
  {
    name: "tells in a connection test that nobody listens, and what to do about it",
    async run({ instance, proxied, call }) {
      await proxied.setMode("refuse")
      const steps = await collectSteps(instance.testConnection(call()))
      const failed = steps.find((step) => step.outcome === "failed")
      assert.equal(failed?.code, "UNREACHABLE")
      assert.ok(failed.nextStep?.trim(), "the failed step must say what to do")
    },
  },
  {
    name: "leaves no connection open once the plugin has stopped",
    async run(opened) {
      await expectStillWorks(opened)
      await opened.instance.close()
      await opened.plugin.stop()
      const giveUpAtMs = performance.now() + connectionsCloseWithinMs
      while (opened.proxied.openSockets > 0 && performance.now() < giveUpAtMs) await delay(10)
      assert.equal(opened.proxied.openSockets, 0)
    },
  },
]

function encrypt({ instance, call }: KeystoreCaseContext): Promise<unknown> {
  return instance.encrypt({ key: instance.defaultKey, plaintext, context }, call())
}

/**
 * Expects that the plugin works again by itself. A call may still meet a connection, or share a login, from before: it
 * then says that it is worth a retry.
 */
async function expectRecovery(opened: KeystoreCaseContext): Promise<void> {
  const giveUpAtMs = performance.now() + recoversWithinMs
  for (;;) {
    try {
      await expectStillWorks(opened)
      return
    } catch (error) {
      if (!isPluginError(error) || !error.retryable || performance.now() > giveUpAtMs) throw error
      await delay(50)
    }
  }
}

/** Starts a call whose bytes are swallowed. Resolves, with the call still pending, when they have been. */
async function startIntoBlackHole(
  { instance, proxied, call }: KeystoreCaseContext,
  signal?: AbortSignal,
): Promise<{ readonly work: Promise<unknown> }> {
  await proxied.setMode("blackHole")
  const swallowed = proxied.nextSwallowedBytes()
  const request = { key: instance.defaultKey, plaintext, context }
  const work = instance.encrypt(request, call(signal === undefined ? {} : { signal }))
  await Promise.race([swallowed, work])
  return { work }
}
