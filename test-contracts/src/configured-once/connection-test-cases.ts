import assert from "node:assert/strict"
import { cancellation, collectSteps } from "../cases/expectations.ts"
import { assertHealthySteps, assertSoundStep } from "../cases/steps.ts"
import { within } from "../cases/within.ts"
import type { PluginCase } from "./case-context.ts"

const promptlyMs = 2_000
const testWithinMs = 31_000

export const connectionTestCases: readonly PluginCase[] = [
  {
    name: "passes every step against a healthy backend, each with its own name and a real duration",
    async run({ plugin, call }) {
      await plugin.start(call().signal)
      assertHealthySteps(await collectSteps(plugin.testConnection(call())))
    },
  },
  {
    name: "changes nothing: a second test says the same",
    async run({ plugin, call }) {
      await plugin.start(call().signal)
      const outcomes = async () =>
        (await collectSteps(plugin.testConnection(call()))).map(({ name, outcome }) => [name, outcome])
      assert.deepEqual(await outcomes(), await outcomes())
    },
  },
  {
    name: "ends a connection test whose caller has given up with a failed step, not with a throw",
    async run({ plugin, call }) {
      await plugin.start(call().signal)
      const signal = AbortSignal.abort(cancellation())
      const steps = await within(collectSteps(plugin.testConnection(call({ signal }))), promptlyMs)
      for (const step of steps) assertSoundStep(step)
      assert.ok(
        steps.some(({ outcome }) => outcome === "failed"),
        `the outcomes were: ${steps.map(({ outcome }) => outcome).join(", ")}`,
      )
    },
  },
]

/** Cases for a backend behind a proxy. */
export const unreachableTestCases: readonly PluginCase[] = [
  {
    name: "names its steps the same, in the same order, when the backend refuses connections; one of them fails",
    async run({ plugin, proxied, call }) {
      await plugin.start(call().signal)
      const healthy = (await collectSteps(plugin.testConnection(call()))).map(({ name }) => name)
      await proxied.setMode("refuse")
      const steps = await collectSteps(plugin.testConnection(call()))
      for (const step of steps) assertSoundStep(step)
      const names = steps.map(({ name }) => name)
      assert.deepEqual(
        names,
        healthy.filter((name) => names.includes(name)),
      )
      assert.ok(
        steps.some(({ outcome }) => outcome === "failed"),
        "no step failed",
      )
    },
  },
  {
    name: "ends within 30 s against a silent backend, however much time its caller gives",
    async run({ plugin, proxied, call }) {
      await plugin.start(call().signal)
      await proxied.setMode("blackHole")
      const steps = await within(collectSteps(plugin.testConnection(call({ timeoutMs: 60_000 }))), testWithinMs)
      for (const step of steps) assertSoundStep(step)
      assert.ok(
        steps.some(({ outcome }) => outcome === "failed"),
        "no step failed",
      )
    },
  },
]
