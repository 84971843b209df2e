import * as z from "zod"
import { moment, tenantId } from "../../fields.ts"

const leaseMs = z
  .int()
  .min(2_000)
  .max(300_000)
  .meta({ description: "How long an L2 key may be used in memory after the keystore was last asked, in milliseconds" })

const custodyMode = z
  .enum(["byok", "hyok"])
  .meta({ description: "Whether other keystores may stand in for the first one (byok), or never (hyok)" })

/** Control characters and those that turn the direction of the text around them could make one tenant look like another. */
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

/** A tenant as it reads back. */
export const tenantAnswer = z
  .strictObject({
    tenant_id: tenantId,
    display_name: displayName,
    state: z.string(),
    custody: z.strictObject({
      mode: custodyMode,
      lease_ms: leaseMs,
      epoch: z.int().meta({ description: "Grows whenever every lease must end at once" }),
    }),
    created_at: moment,
  })
  .meta({ id: "Tenant" })

/** All tenants. */
export const tenantList = z.strictObject({ tenants: z.array(tenantAnswer) }).meta({ id: "TenantList" })
