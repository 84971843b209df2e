import type { TenantKeyVerification, WrapVerification } from "@apeiro-cmk/key-hierarchy"
import { z } from "zod"
import { jsonValue, moment, momentOf } from "./common.ts"

const wrapAnswer = z.strictObject({
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

/** Which L1 key wraps each version of the tenant key, and whether it opens it now. */
export const tenantVerification = z
  .strictObject({
    verified: z.boolean().meta({ description: "There is a tenant key, and every wrap of it opens" }),
    tenant_keys: z.array(
      z.strictObject({
        key_id: z.string(),
        version: z.int(),
        state: z.string(),
        created_at: moment,
        wraps: z.array(wrapAnswer),
      }),
    ),
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

/** A verification as the API writes it. */
export function verificationOf(
  keys: readonly TenantKeyVerification[],
  indexOf: ReadonlyMap<string, number>,
): z.input<typeof tenantVerification> {
  return {
    verified: keys.length > 0 && keys.every(({ wraps }) => wraps.length > 0 && wraps.every(({ opens }) => opens)),
    tenant_keys: keys.map((key) => ({
      key_id: key.keyId,
      version: key.version,
      state: key.state,
      created_at: momentOf(key.createdAtMs),
      wraps: key.wraps.map((wrap) => wrapAnswerOf(wrap, indexOf.get(wrap.auditEntryId))),
    })),
  }
}

function wrapAnswerOf(wrap: WrapVerification, index: number | undefined): z.input<typeof wrapAnswer> {
  return {
    keystore_id: wrap.keystoreId,
    l1_key_id: wrap.l1KeyId,
    l1_key_identity: wrap.l1KeyIdentity,
    l1_key_version: wrap.l1KeyVersion,
    state: wrap.state,
    opens: wrap.opens,
    ...(wrap.code === undefined ? {} : { code: wrap.code }),
    ...(wrap.nextStep === undefined ? {} : { next_step: wrap.nextStep }),
    audit_entry_id: wrap.auditEntryId,
    ...(index === undefined ? {} : { audit_entry_index: index }),
    verification_entry_id: wrap.verificationEntryId,
  }
}
