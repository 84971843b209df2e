import type { connectionStep } from "@apeiro-cmk/http-api/schemas"
import type * as z from "zod"

type Step = z.output<typeof connectionStep>

const marks = { passed: "ok  ", warned: "WARN", failed: "FAIL", skipped: "skip" } as const

/** Formats one step of a connection test, for people. */
export function stepText(step: Step): string {
  const head = `${marks[step.outcome]}  ${step.name.padEnd(20)} ${step.duration_ms.toFixed(1).padStart(8)} ms  ${step.message}`
  return step.next_step === undefined ? head : `${head}\n      -> ${step.next_step}`
}
