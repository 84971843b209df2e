import { type KeystoreRecord, redactedConfiguration } from "@apeiro-cmk/keystore-manager"
import type * as z from "zod"
import { momentOf } from "../../fields.ts"
import type { keystoreAnswer } from "./schemas.ts"

/** Writes a stored keystore as the API shows it. */
export function keystoreAnswerOf(record: KeystoreRecord): z.input<typeof keystoreAnswer> {
  return {
    plugin_type: record.pluginType,
    plugin_name: record.keystoreId,
    plugin_status: record.state,
    configuration: { ...redactedConfiguration(record) },
    ...(record.keyIdentity === undefined ? {} : { l1_key_identity: record.keyIdentity }),
    revision: record.revision,
    created_at: momentOf(record.createdAtMs),
    updated_at: momentOf(record.updatedAtMs),
  }
}
