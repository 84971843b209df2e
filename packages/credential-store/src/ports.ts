/** Names one secret. The sealed record is bound to all of it, as associated data. */
export interface CredentialReference {
  readonly tenantId: string
  readonly keystoreId: string
  /** Name of the configuration field, e.g. `secret_id`. */
  readonly name: string
  /** From 1; a new secret gets a new version. */
  readonly version: number
}

/** A stored secret: sealed under its own key, which is sealed under the root key. */
export interface SealedCredential extends CredentialReference {
  readonly sealed: Uint8Array
  readonly createdAtMs: number
}

/** Reads sealed credentials. Persistence implements it; it *writes* them with the keystore that they belong to. */
export interface CredentialRepository {
  /** Reads one. @returns undefined when there is no such credential, or not in this version */
  credential(reference: CredentialReference): Promise<SealedCredential | undefined>
}
