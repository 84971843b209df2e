import assert from "node:assert/strict"
import type { ConnectionStep } from "@apeiro-cmk/plugin-interface"

const outcomes: readonly string[] = ["passed", "warned", "failed", "skipped"]

/** Fails unless the steps of a connection test against a healthy backend are sound, distinct and none of them failed. */
export function assertHealthySteps(steps: readonly ConnectionStep[]): void {
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
}

/** Fails unless a step is well-formed; one that warned or failed tells a human what to do. */
export function assertSoundStep(step: ConnectionStep): void {
  assert.match(step.name, /^[a-z][a-z0-9_]*$/)
  assert.ok(outcomes.includes(step.outcome), `${step.name} has the outcome ${step.outcome}`)
  assert.ok(Number.isFinite(step.durationMs) && step.durationMs >= 0, `${step.name} took ${step.durationMs} ms`)
  assert.notEqual(step.message.trim(), "")
  const needsAction = step.outcome === "warned" || step.outcome === "failed"
  if (needsAction) assert.ok(step.nextStep?.trim(), `${step.name} ${step.outcome} and says nothing to do`)
  if (step.outcome === "failed") assert.ok(step.code?.trim(), `${step.name} failed and has no code`)
}
