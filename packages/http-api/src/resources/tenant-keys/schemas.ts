import * as z from "zod"
import { jsonValue, moment } from "../../fields.ts"

/** A wrap of a tenant key, as the verification found it. */
export const wrapAnswer = z.strictObject({
  keystore_id: z.string(),
  l1_key_id: z.string(),
  l1_key_identity: z.string(),
  l1_key_version: z.string(),
  state: z.enum(["good", "quarantined"]),
  opens: z.boolean().meta({ description: "L1 opened it just now, and the result matches the commitment" }),
  code: z.string().optional(),
  next_step: z.string().optional(),
  audit_entry_id: z.string().meta({ description: "Entry of the audit log for the making of this wrap" }),
  audit_entry_index: z
    .int()
    .optional()
    .meta({ description: "Place of that entry in the log; absent while it waits for one" }),
  verification_entry_id: z.string().meta({ description: "Entry of the audit log for this verification" }),
})

/** A service key, as the verification found it. */
export const verifiedServiceKey = z.strictObject({
  service_key_id: z.string(),
  name: z.string(),
  version: z.int(),
  state: z.string(),
  parent: z.strictObject({ key_id: z.string(), version: z.int() }).meta({ description: "Tenant key that wraps it" }),
  created_at: moment,
  opens: z.boolean().meta({ description: "Its tenant key opened it just now" }),
  code: z
    .string()
    .optional()
    .meta({ description: "Why it did not open; when its tenant key did not open either, the code of that key" }),
  next_step: z.string().optional(),
  verification_entry_id: z.string().meta({ description: "Entry of the audit log for this verification" }),
})

/** Verification of a tenant: which L1 key wraps each version of the tenant key, and which wraps and service keys open. */
export const tenantVerification = z
  .strictObject({
    verified: z.boolean().meta({ description: "A tenant key exists, and all its wraps and all service keys open" }),
    tenant_keys: z.array(
      z.strictObject({
        key_id: z.string(),
        version: z.int(),
        state: z.string(),
        created_at: moment,
        wraps: z.array(wrapAnswer),
      }),
    ),
    service_keys: z.array(verifiedServiceKey),
  })
  .meta({ id: "Verification" })

/** Input of `apeiro-cmk recover` in addition to the L1 key: wraps and envelopes, no secret. */
export const keyExportAnswer = z
  .strictObject({
    format: z.string(),
    tenant_id: z.string(),
    exported_at: moment,
    tenant_keys: z.array(z.record(z.string(), jsonValue)),
    service_keys: z.array(z.record(z.string(), jsonValue)),
  })
  .meta({ id: "KeyExport", description: "As docs/envelope.md specifies it" })
