import assert from "node:assert/strict"
import { isPluginError } from "@apeiro-cmk/plugin-interface"
import { context, type KeystoreCase, plaintext } from "./case-context.ts"
import { expectStillWorks } from "./cryptography-cases.ts"

const parallelCalls = 20

export const callCases: readonly KeystoreCase[] = [
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
    name: "answers calls of different kinds that run side by side, each with its own answer",
    async run({ instance, call }) {
      const key = instance.defaultKey
      const sealed = await Promise.all(
        Array.from({ length: parallelCalls }, async (_, index) => {
          const bytes = new Uint8Array(16 + index).fill(index)
          return { bytes, ...(await instance.encrypt({ key, plaintext: bytes, context }, call())) }
        }),
      )
      const mixed = sealed.map(async ({ bytes, ciphertext, keyVersion }, index) => {
        const other = index % 2 === 0 ? instance.probe(call()) : instance.describeKey(key, call())
        const decrypted = instance.decrypt({ key, ciphertext, keyVersion, context }, call())
        const [opened, answer] = await Promise.all([decrypted, other])
        assert.deepEqual(Buffer.from(opened.plaintext), Buffer.from(bytes))
        assert.equal("latencyMs" in answer, index % 2 === 0, "the answer is one to another call")
      })
      await Promise.all(mixed)
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
