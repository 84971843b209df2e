import assert from "node:assert/strict"
import { type CallOptions, isPluginError, type KeystoreV1 } from "@apeiro-cmk/plugin-interface"
import { context, type KeystoreCase, type KeystoreCaseContext, plaintext, within } from "./case-context.ts"
import { expectStillWorks } from "./cryptography-cases.ts"
import { cancellation, collectSteps, expectPromptRejection, expiry } from "./expectations.ts"

const parallelCalls = 20
const promptlyMs = 2_000

export const callCases: readonly KeystoreCase[] = [
  {
    name: "rejects every call whose caller has given up already, with CANCELLED",
    async run(opened) {
      for (const start of await everyCall(opened)) {
        const call = opened.call({ signal: AbortSignal.abort(cancellation()) })
        await expectPromptRejection(start(opened.instance, call), "CANCELLED")
      }
      await expectStillWorks(opened)
    },
  },
  {
    name: "rejects every call whose deadline has passed already, with TIMED_OUT",
    async run(opened) {
      for (const start of await everyCall(opened)) {
        const call = opened.call({ signal: AbortSignal.abort(expiry()) })
        await expectPromptRejection(start(opened.instance, call), "TIMED_OUT")
      }
      await expectStillWorks(opened)
    },
  },
  {
    name: "ends a connection test whose caller has given up with a failed step, not with a throw",
    async run({ instance, call }) {
      const steps = collectSteps(instance.testConnection(call({ signal: AbortSignal.abort(cancellation()) })))
      const outcomes = (await within(steps, promptlyMs)).map((step) => step.outcome)
      assert.ok(outcomes.includes("failed"), `the outcomes were: ${outcomes.join(", ")}`)
    },
  },
  {
    name: `does not mix the answers of ${parallelCalls} parallel calls`,
    async run({ instance, call }) {
      const key = instance.defaultKey
      const roundTrips = Array.from({ length: parallelCalls }, async (_, index) => {
        const bytes = new Uint8Array(32).fill(index)
        const own = { ...context, keyVersion: index + 1 }
        const sealed = await instance.encrypt({ key, plaintext: bytes, context: own }, call())
        const opened = await instance.decrypt({ key, ...sealed, context: own }, call())
        assert.deepEqual(Buffer.from(opened.plaintext), Buffer.from(bytes))
      })
      await Promise.all(roundTrips)
    },
  },
  {
    name: "answers a probe with a latency that it measured",
    async run({ instance, call }) {
      const { latencyMs } = await instance.probe(call())
      assert.ok(Number.isFinite(latencyMs) && latencyMs >= 0, `the latency was ${latencyMs}`)
    },
  },
  {
    name: "closes twice, and answers nothing afterwards",
    async run({ instance, call }) {
      await instance.close()
      await instance.close()
      const request = { key: instance.defaultKey, plaintext, context }
      await assert.rejects(instance.encrypt(request, call()), isPluginError)
    },
  },
  {
    name: "keeps one handle working when another one to the same keystore is closed",
    async run(opened) {
      const second = await opened.plugin.openKeystore(opened.configuration, opened.call())
      await second.probe(opened.call())
      await second.close()
      await expectStillWorks(opened)
    },
  },
  {
    name: "stops twice",
    async run({ plugin, instance }) {
      await instance.close()
      await plugin.stop()
      await plugin.stop()
    },
  },
]

type StartCall = (instance: KeystoreV1, call: CallOptions) => Promise<unknown>

async function everyCall(opened: KeystoreCaseContext): Promise<readonly StartCall[]> {
  const key = opened.instance.defaultKey
  const sealed = await opened.instance.encrypt({ key, plaintext, context }, opened.call())
  return [
    (keystore, call) => keystore.encrypt({ key, plaintext, context }, call),
    (keystore, call) => keystore.decrypt({ key, ...sealed, context }, call),
    (keystore, call) => keystore.describeKey(key, call),
    (keystore, call) => keystore.probe(call),
  ]
}
