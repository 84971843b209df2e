import type { ServiceKeyVerification, TenantVerification, WrapVerification } from "@apeiro-cmk/key-hierarchy"
import type * as z from "zod"
import { momentOf } from "../../fields.ts"
import type { tenantVerification, verifiedServiceKey, wrapAnswer } from "./schemas.ts"

/** Writes a verification as the API shows it. */
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

function serviceKeyAnswerOf(key: ServiceKeyVerification): z.input<typeof verifiedServiceKey> {
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
