import type { ServiceKeyVerification, TenantVerification, WrapVerification } from "@apeiro-cmk/key-hierarchy"
import * as z from "zod"
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

const serviceKeyAnswer = z.strictObject({
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
    service_keys: z.array(serviceKeyAnswer),
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
  { tenantKeys, serviceKeys }: TenantVerification,
  indexOf: ReadonlyMap<string, number>,
): z.input<typeof tenantVerification> {
  return {
    verified:
      tenantKeys.length > 0 &&
      tenantKeys.every(({ wraps }) => wraps.length > 0 && wraps.every(({ opens }) => opens)) &&
      serviceKeys.every(({ opens }) => opens),
    tenant_keys: tenantKeys.map((key) => ({
      key_id: key.keyId,
      version: key.version,
      state: key.state,
      created_at: momentOf(key.createdAtMs),
      wraps: key.wraps.map((wrap) => wrapAnswerOf(wrap, indexOf.get(wrap.auditEntryId))),
    })),
    service_keys: serviceKeys.map(serviceKeyAnswerOf),
  }
}

function serviceKeyAnswerOf(key: ServiceKeyVerification): z.input<typeof serviceKeyAnswer> {
  return {
    service_key_id: key.serviceKeyId,
    name: key.name,
    version: key.version,
    state: key.state,
    parent: { key_id: key.parentKeyId, version: key.parentKeyVersion },
    created_at: momentOf(key.createdAtMs),
    opens: key.opens,
    ...(key.code === undefined ? {} : { code: key.code }),
    ...(key.nextStep === undefined ? {} : { next_step: key.nextStep }),
    verification_entry_id: key.verificationEntryId,
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
