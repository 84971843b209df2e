import * as z from "zod"
import { keystoreId, moment } from "../../fields.ts"

/** Health of a keystore, from the last operations on it. */
export const keystoreHealthAnswer = z
  .strictObject({
    plugin_name: keystoreId,
    plugin_type: z.string(),
    plugin_status: z.enum(["inactive", "active"]),
    health: z.enum(["healthy", "warning", "failing", "unknown"]).meta({
      description:
        "As this host sees it: `failing` after a failure; `warning` while it is slow (45 ms and more), has failed within the last minute, or has nearly used up its operations of the hour; `unknown` before the first call",
    }),
    average_latency_ms: z.number().optional().meta({ description: "Average over successes; recent ones weigh most" }),
    operations: z
      .strictObject({
        this_hour: z.int().meta({
          description: "Of all hosts together; for each other host it includes a reserve of at most 1/200 of the limit",
        }),
        limit: z.int(),
        next_hour_at: moment,
      })
      .optional()
      .meta({ description: "Absent when the keystore's configuration has no limit" }),
    last_operation: z
      .strictObject({
        outcome: z.enum(["success", "failure"]),
        code: z.string().optional(),
        origin: z.string().optional(),
        next_step: z.string().optional(),
        latency_ms: z.number(),
        at: moment,
      })
      .optional()
      .meta({ description: "Absent when this host has not used the keystore yet" }),
  })
  .meta({ id: "KeystoreHealth" })
