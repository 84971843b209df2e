import type { Principal, WorkloadIdentity } from "@apeiro-cmk/plugin-interface"
import * as z from "zod"

/** Shape of a principal, as it goes over the wire. */
export const principalShape: z.ZodType<Principal> = z.object({
  subject: z.string(),
  issuer: z.string(),
  groups: z.array(z.string()),
  displayName: z.string().exactOptional(),
})

/** Shape of a workload, as it goes over the wire. */
export const workloadShape: z.ZodType<WorkloadIdentity> = z.object({ spiffeId: z.string(), tenantId: z.string() })

/** Shape of the names of permissions, as they go over the wire. */
export const permissionsShape: z.ZodType<readonly string[]> = z.array(z.string())
