import type { KeystoreRecord, KeystoreSummary } from "@apeiro-cmk/keystore-manager"
import * as z from "zod"
import { decodeJson } from "../encoding.ts"
import type { Schema } from "../schema.ts"

const configurationColumn = z.record(z.string(), z.json())
const credentialFieldsColumn = z.array(z.strictObject({ name: z.string(), version: z.number().int().positive() }))

/** Columns of a list: all that are short. */
export const summaryColumns = [
  ...(["tenant_id", "keystore_id", "plugin_type", "state", "key_identity"] as const),
  ...(["revision", "created_at_ms", "updated_at_ms"] as const),
]

/** Converts a stored keystore to the record of the keystore manager. */
export function keystoreRecord(row: Schema["keystores"]): KeystoreRecord {
  return {
    ...keystoreSummary(row),
    configuration: decodeJson(configurationColumn, row.configuration, "keystores.configuration"),
    credentials: decodeJson(credentialFieldsColumn, row.credential_fields, "keystores.credential_fields"),
  }
}

/** Converts the short columns of a stored keystore. */
export function keystoreSummary(row: Pick<Schema["keystores"], (typeof summaryColumns)[number]>): KeystoreSummary {
  return {
    tenantId: row.tenant_id,
    keystoreId: row.keystore_id,
    pluginType: row.plugin_type,
    state: row.state,
    ...(row.key_identity === null ? {} : { keyIdentity: row.key_identity }),
    revision: row.revision,
    createdAtMs: row.created_at_ms,
    updatedAtMs: row.updated_at_ms,
  }
}

/** Makes the columns that a change by an administrator writes. */
export function configurationColumns(
  record: KeystoreRecord,
): Pick<Schema["keystores"], "configuration" | "credential_fields" | "revision" | "updated_at_ms"> {
  return {
    configuration: JSON.stringify(record.configuration),
    credential_fields: JSON.stringify(record.credentials.map(({ name, version }) => ({ name, version }))),
    revision: record.revision,
    updated_at_ms: record.updatedAtMs,
  }
}
