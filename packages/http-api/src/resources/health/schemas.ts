import * as z from "zod"

const component = z.strictObject({ component: z.string(), reason: z.string() })

/** Health of the host: everything that does not work. */
export const healthAnswer = z
  .strictObject({
    status: z.enum(["ready", "degraded", "not_ready"]),
    not_ready: z.array(component).meta({ description: "Components that keep the host from serving" }),
    degraded: z.array(component).meta({ description: "Components that do not work while the host serves" }),
  })
  .meta({ id: "Health" })

/** Liveness of the process. */
export const livenessAnswer = z.strictObject({ status: z.literal("alive") }).meta({ id: "Liveness" })

/** Readiness of the host. */
export const readinessAnswer = z
  .strictObject({ status: z.enum(["ready", "not_ready"]), not_ready: z.array(component) })
  .meta({ id: "Readiness" })
