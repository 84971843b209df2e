import type { KeystoreConfigurationDocument } from "@apeiro-cmk/plugin-interface"

/** A secret of a stored configuration: its field, and the version in force. */
export interface CredentialField {
  /** Name of the configuration field, e.g. `secret_id`. */
  readonly name: string
  readonly version: number
}

/** Identifies one state of a keystore, also among keystores that had the same id before. */
export type KeystoreRevision = Pick<KeystoreRecord, "revision" | "createdAtMs">

/** A keystore as lists show it: without what may be long. */
export type KeystoreSummary = Omit<KeystoreRecord, "configuration" | "credentials">

/** A keystore of a tenant, as it is stored: without secrets. */
export interface KeystoreRecord {
  readonly tenantId: string
  /** `plugin_name` of the story: `^[a-z0-9][a-z0-9_-]{0,62}$`, unique per tenant. */
  readonly keystoreId: string
  /** `plugin_type` of the story, e.g. `openbao`. */
  readonly pluginType: string
  /** Configuration as the administrator entered it, without secrets. */
  readonly configuration: KeystoreConfigurationDocument
  /** The secrets of that configuration. */
  readonly credentials: readonly CredentialField[]
  readonly state: "inactive" | "active"
  /** Canonical identity of its L1 key, once it is claimed. */
  readonly keyIdentity?: string
  /** Grows with each change; together with `createdAtMs` it is the ETag. */
  readonly revision: number
  readonly createdAtMs: number
  readonly updatedAtMs: number
}
