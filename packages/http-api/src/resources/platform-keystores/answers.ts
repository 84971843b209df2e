import type { PlatformKeystoreRecord } from "@apeiro-cmk/keystore-manager"
import type * as z from "zod"
import { momentOf } from "../../fields.ts"
import type { platformKeystoreAnswer } from "./schemas.ts"

/** Writes a platform keystore as the API shows it. */
export function platformKeystoreAnswerOf(record: PlatformKeystoreRecord): z.input<typeof platformKeystoreAnswer> {
  const { failure } = record
  return {
    tenant_id: record.tenantId,
    plugin_type: record.pluginType,
    plugin_name: record.keystoreId,
    state: record.state,
    ...(failure === undefined
      ? {}
      : {
          failure: {
            ...{ code: failure.code, origin: failure.origin, message: failure.message },
            next_step: failure.nextStep,
          },
        }),
    requested_at: momentOf(record.requestedAtMs),
    updated_at: momentOf(record.updatedAtMs),
  }
}
