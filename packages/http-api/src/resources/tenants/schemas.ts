import * as z from "zod"
import { moment, tenantId } from "../../fields.ts"

const leaseMs = z
  .int()
  .min(2_000)
  .max(300_000)
  .meta({ description: "Longest use of an L2 key in memory after the keystore last confirmed it, in milliseconds" })

const custodyMode = z
  .enum(["byok", "hyok"])
  .meta({ description: "Whether other keystores may replace the first one (byok) or not (hyok)" })

/** Control characters, and characters that change the direction of text, could make one tenant look like another. */
const misleading = /[\p{Cc}\u202a-\u202e\u2066-\u2069]/u

const displayName = z
  .string()
  .min(1)
  .max(200)
  .refine((name) => name.isWellFormed() && !misleading.test(name), { error: "must be text without control characters" })
  .meta({ description: "Name shown to people" })

/** A new tenant. */
export const tenantDocument = z
  .strictObject({
    tenant_id: tenantId,
    display_name: displayName.optional(),
    custody_mode: custodyMode.default("byok"),
    lease_ms: leaseMs.default(30_000),
  })
  .meta({ id: "TenantDocument" })

/** A tenant. */
export const tenantAnswer = z
  .strictObject({
    tenant_id: tenantId,
    display_name: displayName,
    state: z.string(),
    custody: z.strictObject({
      mode: custodyMode,
      lease_ms: leaseMs,
      epoch: z.int().meta({ description: "Grows whenever all leases must end at once" }),
    }),
    created_at: moment,
  })
  .meta({ id: "Tenant" })

/** All tenants. */
export const tenantList = z.strictObject({ tenants: z.array(tenantAnswer) }).meta({ id: "TenantList" })
