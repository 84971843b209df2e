import type { KeystoreConfigurationDocument } from "@apeiro-cmk/plugin-interface"

/** Where in a stored configuration a secret belongs, and which version of it is in force. */
export interface CredentialField {
  /** Name of the configuration field, e.g. `secret_id`. */
  readonly name: string
  readonly version: number
}

/** What tells one state of a keystore from every other, also from those of one that had its name before. */
export type KeystoreRevision = Pick<KeystoreRecord, "revision" | "createdAtMs">

/** One keystore of a tenant, as it is stored: no secret in it. */
export interface KeystoreRecord {
  readonly tenantId: string
  /** `plugin_name` of the story: `^[a-z0-9][a-z0-9_-]{0,62}$`, unique per tenant. */
  readonly keystoreId: string
  /** `plugin_type` of the story, e.g. `openbao`. */
  readonly pluginType: string
  /** What the administrator entered, secrets left out. */
  readonly configuration: KeystoreConfigurationDocument
  /** The secrets that were left out. */
  readonly credentials: readonly CredentialField[]
  readonly state: "inactive" | "active"
  /** Canonical identity of its L1 key, once claimed. */
  readonly keyIdentity?: string
  /** Grows with each change; with `createdAtMs` the ETag. */
  readonly revision: number
  readonly createdAtMs: number
  readonly updatedAtMs: number
}
