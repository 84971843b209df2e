import * as z from "zod"
import { jsonValue } from "../../fields.ts"

/** One step of a connection test. */
export const connectionStep = z
  .strictObject({
    name: z.string().meta({ examples: ["authentication"] }),
    outcome: z.enum(["passed", "warned", "failed", "skipped"]),
    duration_ms: z.number(),
    message: z.string(),
    next_step: z.string().optional(),
    code: z.string().optional(),
    facts: z.record(z.string(), jsonValue).optional(),
  })
  .meta({ id: "ConnectionStep" })

/** Outcome of a whole connection test. */
export const connectionStatus = z.enum(["connection_successful", "connection_failed"])

/** A connection test with its outcome. As JSON lines: each step as it ends, then `{"status": ...}`. */
export const connectionTestAnswer = z
  .strictObject({ status: connectionStatus, steps: z.array(connectionStep) })
  .meta({ id: "ConnectionTest" })
