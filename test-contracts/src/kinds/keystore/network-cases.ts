import assert from "node:assert/strict"
import { setTimeout as delay } from "node:timers/promises"
import { cancellation, collectSteps, expectPromptRejection, expectRejection } from "../../cases/expectations.ts"
import { openSocketsOf } from "../../cases/open-sockets.ts"
import { within } from "../../cases/within.ts"
import { context, type KeystoreCase, type KeystoreCaseContext, plaintext } from "./case-context.ts"
import { expectStillWorks } from "./cryptography-cases.ts"
import { expectRecovery } from "./recovery.ts"

const shortTimeoutMs = 300
/** Below the idle time after which client or server close a connection. */
const parallelCalls = 20
const keyIsWholeWithinMs = 2_000

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
    name: "answers no probe while nobody listens",
    async run({ instance, proxied, call }) {
      await instance.probe(call())
      await proxied.setMode("refuse")
      await expectRejection(instance.probe(call()), "UNREACHABLE")
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
      const reason = cancellation()
      giveUp.abort(reason)
      assert.equal(await expectPromptRejection(work, "CANCELLED"), reason, "the reason was replaced")
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
      const error = await expectPromptRejection(opened.instance.encrypt(request, call), "TIMED_OUT")
      assert.equal(error, call.signal.reason, "the reason was replaced")
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
    name: "leaves no half-made key when the caller of createKey gives up in the middle",
    async run(opened) {
      const { instance, backend, proxied, definition, call } = opened
      if (!definition.manifest.capabilities.includes("createKey")) return
      for (const requests of [1, 2, 3]) {
        const giveUp = new AbortController()
        const keyId = backend.unusedKeyId()
        const work = instance.createKey({ keyId, origin: "generate" }, call({ signal: giveUp.signal }))
        const ended = work.then(
          () => true,
          () => true,
        )
        for (let sent = 0; sent < requests; sent += 1) await Promise.race([proxied.nextForwardedBytes(), ended])
        giveUp.abort(cancellation())
        await within(ended, 2_000)
        await expectNoKeyOrWholeKey(opened, keyId)
      }
    },
  },
  {
    name: "opens a keystore without touching the network",
    async run({ plugin, configuration, proxied, call }) {
      await proxied.setMode("reset")
      const connectionsBefore = proxied.acceptedSockets
      const second = await plugin.openKeystore(configuration, call())
      await delay(50)
      await proxied.setMode("pass")
      assert.equal(proxied.acceptedSockets, connectionsBefore, "the network was touched")
      await second.close()
    },
  },
  {
    name: "ends a connection test within 30 s, however much time its caller gives",
    async run({ instance, proxied, call }) {
      await proxied.setMode("blackHole")
      const steps = collectSteps(instance.testConnection(call({ timeoutMs: 120_000 })))
      const outcomes = (await within(steps, 30_000)).map((step) => step.outcome)
      assert.ok(outcomes.includes("failed"), `the outcomes were: ${outcomes.join(", ")}`)
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
      assert.equal(await openSocketsOf(opened.proxied), 0)
    },
  },
]

function encrypt({ instance, call }: KeystoreCaseContext): Promise<unknown> {
  return instance.encrypt({ key: instance.defaultKey, plaintext, context }, call())
}

/** Waits a moment: a request that was sent may still take effect. */
async function expectNoKeyOrWholeKey({ instance, backend, call }: KeystoreCaseContext, keyId: string): Promise<void> {
  const key = { keyId }
  const giveUpAtMs = performance.now() + keyIsWholeWithinMs
  for (let looked = 0; looked < 3 || performance.now() < giveUpAtMs; looked += 1) {
    await delay(20)
    if (!(await backend.keyExists(keyId))) {
      if (looked >= 3) return
      continue
    }
    try {
      const sealed = await instance.encrypt({ key, plaintext, context }, call())
      await instance.decrypt({ key, ...sealed, context }, call())
      return
    } catch (error) {
      if (performance.now() > giveUpAtMs) throw error
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
