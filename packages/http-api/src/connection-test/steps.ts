import type { ConnectionStep } from "@apeiro-cmk/plugin-interface"
import type * as z from "zod"
import type { connectionStatus, connectionStep } from "./schemas.ts"

/** Writes a step of a connection test as the API shows it. */
export function stepAnswer(step: ConnectionStep): z.output<typeof connectionStep> {
  return {
    name: step.name,
    outcome: step.outcome,
    duration_ms: Math.round(step.durationMs * 100) / 100,
    message: step.message,
    ...(step.nextStep === undefined ? {} : { next_step: step.nextStep }),
    ...(step.code === undefined ? {} : { code: step.code }),
    ...(step.facts === undefined ? {} : { facts: { ...step.facts } }),
  }
}

/** Decides the outcome of a connection test: successful when it has steps and none failed. */
export function connectionStatusOf(
  steps: readonly Pick<ConnectionStep, "outcome">[],
): z.infer<typeof connectionStatus> {
  return steps.length > 0 && steps.every((step) => step.outcome !== "failed")
    ? "connection_successful"
    : "connection_failed"
}
