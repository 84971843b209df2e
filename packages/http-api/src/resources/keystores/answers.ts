import { type KeystoreRecord, type KeystoreSummary, redactedConfiguration } from "@apeiro-cmk/keystore-manager"
import type * as z from "zod"
import { momentOf } from "../../fields.ts"
import type { keystoreAnswer, keystoreSummary } from "./schemas.ts"

/** Writes a stored keystore as the API shows it. */
export function keystoreAnswerOf(record: KeystoreRecord): z.input<typeof keystoreAnswer> {
  return { ...keystoreSummaryOf(record), configuration: { ...redactedConfiguration(record) } }
}

/** Writes a stored keystore as the API lists it. */
export function keystoreSummaryOf(record: KeystoreSummary): z.input<typeof keystoreSummary> {
  return {
    plugin_type: record.pluginType,
    plugin_name: record.keystoreId,
    plugin_status: record.state,
    ...(record.keyIdentity === undefined ? {} : { l1_key_identity: record.keyIdentity }),
    revision: record.revision,
    created_at: momentOf(record.createdAtMs),
    updated_at: momentOf(record.updatedAtMs),
  }
}
