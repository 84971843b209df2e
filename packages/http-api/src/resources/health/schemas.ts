import * as z from "zod"

const component = z.strictObject({ component: z.string(), reason: z.string() })

/** What works and what does not. */
export const healthAnswer = z
  .strictObject({
    status: z.enum(["ready", "degraded", "not_ready"]),
    not_ready: z.array(component).meta({ description: "What keeps the host from serving" }),
    degraded: z.array(component).meta({ description: "What does not work while the host serves" }),
  })
  .meta({ id: "Health" })

/** Whether the process lives. */
export const livenessAnswer = z.strictObject({ status: z.literal("alive") }).meta({ id: "Liveness" })

/** Whether the host may be sent work. */
export const readinessAnswer = z
  .strictObject({ status: z.enum(["ready", "not_ready"]), not_ready: z.array(component) })
  .meta({ id: "Readiness" })
