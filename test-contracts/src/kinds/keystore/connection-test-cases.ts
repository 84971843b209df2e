import assert from "node:assert/strict"
import { cancellation, collectSteps } from "../../cases/expectations.ts"
import { assertHealthySteps, assertSoundStep } from "../../cases/steps.ts"
import type { KeystoreCase } from "./case-context.ts"

export const connectionTestCases: readonly KeystoreCase[] = [
  {
    name: "passes every step against a healthy keystore, each with its own name and a real duration",
    async run({ instance, call }) {
      assertHealthySteps(await collectSteps(instance.testConnection(call())))
    },
  },
  {
    name: "states only facts that the manifest declares",
    async run({ instance, definition, call }) {
      const steps = await collectSteps(instance.testConnection(call()))
      const declared = Object.keys(definition.manifest.activationFacts)
      for (const fact of steps.flatMap((step) => Object.keys(step.facts ?? {}))) {
        assert.ok(declared.includes(fact), `the manifest does not declare the fact ${fact}`)
      }
    },
  },
  {
    name: "names its steps the same, in the same order, when one of them fails; a failed one has a code and a next step",
    async run({ instance, call }) {
      const healthy = (await collectSteps(instance.testConnection(call()))).map((step) => step.name)
      const signal = AbortSignal.abort(cancellation())
      const failing = await collectSteps(instance.testConnection(call({ signal })))
      for (const step of failing) assertSoundStep(step)
      const names = failing.map((step) => step.name)
      assert.deepEqual(
        names,
        healthy.filter((name) => names.includes(name)),
        "the names are others, or in another order",
      )
    },
  },
  {
    name: "changes nothing: a second test says the same",
    async run({ instance, call }) {
      const first = await collectSteps(instance.testConnection(call()))
      const second = await collectSteps(instance.testConnection(call()))
      const outcomes = (steps: typeof first) => steps.map((step) => [step.name, step.outcome])
      assert.deepEqual(outcomes(second), outcomes(first))
    },
  },
]
