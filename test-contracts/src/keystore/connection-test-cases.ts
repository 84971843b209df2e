import assert from "node:assert/strict"
import type { ConnectionStep } from "@apeiro-cmk/plugin-interface"
import type { KeystoreCase } from "./case-context.ts"
import { cancellation, collectSteps } from "./expectations.ts"

const outcomes: readonly string[] = ["passed", "warned", "failed", "skipped"]

export const connectionTestCases: readonly KeystoreCase[] = [
  {
    name: "passes every step against a healthy keystore, each with its own name and a real duration",
    async run({ instance, call }) {
      const steps = await collectSteps(instance.testConnection(call()))
      assert.notEqual(steps.length, 0, "there must be a step")
      assert.equal(new Set(steps.map((step) => step.name)).size, steps.length, "two steps have the same name")
      for (const step of steps) {
        assertSoundStep(step)
        assert.notEqual(step.outcome, "failed", `${step.name}: ${step.message}`)
      }
      assert.ok(
        steps.some((step) => step.outcome === "passed"),
        "no step passed",
      )
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

function assertSoundStep(step: ConnectionStep): void {
  assert.match(step.name, /^[a-z][a-z0-9_]*$/)
  assert.ok(outcomes.includes(step.outcome), `${step.name} has the outcome ${step.outcome}`)
  assert.ok(Number.isFinite(step.durationMs) && step.durationMs >= 0, `${step.name} took ${step.durationMs} ms`)
  assert.notEqual(step.message.trim(), "")
  const needsAction = step.outcome === "warned" || step.outcome === "failed"
  if (needsAction) assert.ok(step.nextStep?.trim(), `${step.name} ${step.outcome} and says nothing to do`)
  if (step.outcome === "failed") assert.ok(step.code?.trim(), `${step.name} failed and has no code`)
}
