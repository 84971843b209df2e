import * as z from "zod"
import { jsonValue, moment } from "../../fields.ts"

/** A wrap of a tenant key, as the verification found it. */
export const wrapAnswer = z.strictObject({
  keystore_id: z.string(),
  l1_key_id: z.string(),
  l1_key_identity: z.string(),
  l1_key_version: z.string(),
  state: z.enum(["good", "quarantined"]),
  opens: z.boolean().meta({ description: "L1 opened it just now, and what came out fits the commitment" }),
  code: z.string().optional(),
  next_step: z.string().optional(),
  audit_entry_id: z.string().meta({ description: "The entry that tells of the making of this wrap" }),
  audit_entry_index: z.int().optional().meta({ description: "Its place in the log; absent while it waits for one" }),
  verification_entry_id: z.string().meta({ description: "The entry of this verification" }),
})

/** A service key, as the verification found it. */
export const verifiedServiceKey = z.strictObject({
  service_key_id: z.string(),
  name: z.string(),
  version: z.int(),
  state: z.string(),
  parent: z
    .strictObject({ key_id: z.string(), version: z.int() })
    .meta({ description: "The tenant key that wraps it" }),
  created_at: moment,
  opens: z.boolean().meta({ description: "Its tenant key opened it just now" }),
  code: z
    .string()
    .optional()
    .meta({ description: "Why it did not open; where its tenant key did not open either, the code of that" }),
  next_step: z.string().optional(),
  verification_entry_id: z.string().meta({ description: "The entry of this verification" }),
})

/** Which L1 key wraps each version of the tenant key, and whether it opens it now; whether that opens the service keys. */
export const tenantVerification = z
  .strictObject({
    verified: z
      .boolean()
      .meta({ description: "There is a tenant key, and every wrap of it and every service key opens" }),
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

/** What `apeiro-cmk recover` needs beside the L1 key: wraps and envelopes, no secret. */
export const keyExportAnswer = z
  .strictObject({
    format: z.string(),
    tenant_id: z.string(),
    exported_at: moment,
    tenant_keys: z.array(z.record(z.string(), jsonValue)),
    service_keys: z.array(z.record(z.string(), jsonValue)),
  })
  .meta({ id: "KeyExport", description: "As docs/envelope.md says" })
