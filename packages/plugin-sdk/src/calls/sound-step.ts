import type { ConnectionStep } from "@apeiro-cmk/plugin-interface"
import * as z from "zod"
import { pluginError } from "../errors/error-facts.ts"

const step = z.looseObject({
  name: z.string().min(1),
  outcome: z.enum(["passed", "warned", "failed", "skipped"]),
  durationMs: z.number(),
  message: z.string(),
  nextStep: z.string().optional(),
  code: z.string().optional(),
  facts: z.record(z.string(), z.json()).optional(),
})

/**
 * Returns a step of a connection test as it is, once it has been checked: a plugin may be plain JavaScript.
 * @throws {PluginError} BAD_RESPONSE - it is not a step
 */
export function soundStep(value: ConnectionStep): ConnectionStep {
  if (step.safeParse(value).success) return value
  throw pluginError(
    "BAD_RESPONSE",
    "The plugin reports something that is not a step of a connection test.",
    "Report this to the plugin's author.",
    { origin: "plugin" },
  )
}
