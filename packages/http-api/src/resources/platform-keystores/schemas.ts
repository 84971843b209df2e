import * as z from "zod"
import { keystoreId, moment, tenantId } from "../../fields.ts"

/** An operator's request for a keystore of a tenant on the platform's own server. */
export const platformKeystoreDocument = z
  .strictObject({
    tenant_id: tenantId,
    plugin_type: z
      .string()
      .min(1)
      .max(63)
      .meta({
        description: "`plugin_type` of a loaded plugin whose server the operator has configured",
        examples: ["openbao"],
      }),
    plugin_name: keystoreId,
  })
  .meta({ id: "PlatformKeystoreDocument" })

/** A keystore on the platform's server, and its state. */
export const platformKeystoreAnswer = z
  .strictObject({
    tenant_id: tenantId,
    plugin_type: z.string(),
    plugin_name: keystoreId,
    state: z.enum(["pending", "ready", "failed", "removing"]).meta({
      description: "`ready`: the tenant has it among its keystores, inactive; test and activate it like any other",
    }),
    failure: z
      .strictObject({ code: z.string(), origin: z.string(), message: z.string(), next_step: z.string() })
      .optional()
      .meta({
        description: "Why the last attempt failed; in the states `pending` and `removing` another attempt follows",
      }),
    requested_at: moment,
    updated_at: moment,
  })
  .meta({ id: "PlatformKeystore" })

/** All keystores on the platform's server. */
export const platformKeystoreList = z
  .strictObject({ keystores: z.array(platformKeystoreAnswer) })
  .meta({ id: "PlatformKeystoreList" })
