import assert from "node:assert/strict"
import type { KeystoreCase } from "./case-context.ts"
import { collectSteps } from "./expectations.ts"

export const connectionTestCases: readonly KeystoreCase[] = [
  {
    name: "passes every step against a healthy keystore, each with its own name and a real duration",
    async run({ instance, call }) {
      const steps = await collectSteps(instance.testConnection(call()))
      assert.notEqual(steps.length, 0, "there must be a step")
      assert.equal(new Set(steps.map((step) => step.name)).size, steps.length, "two steps have the same name")
      for (const step of steps) {
        assert.match(step.name, /^[a-z][a-z0-9_]*$/)
        assert.notEqual(step.outcome, "failed", `${step.name}: ${step.message}`)
        assert.ok(Number.isFinite(step.durationMs) && step.durationMs >= 0, `${step.name} took ${step.durationMs} ms`)
        assert.notEqual(step.message.trim(), "")
        if (step.outcome === "warned") assert.ok(step.nextStep?.trim(), `${step.name} warns and says nothing to do`)
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
    name: "changes nothing: a second test says the same",
    async run({ instance, call }) {
      const first = await collectSteps(instance.testConnection(call()))
      const second = await collectSteps(instance.testConnection(call()))
      const outcomes = (steps: typeof first) => steps.map((step) => [step.name, step.outcome])
      assert.deepEqual(outcomes(second), outcomes(first))
    },
  },
]
