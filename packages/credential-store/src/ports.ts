/** Which secret it is; all of it is bound into the sealed record as associated data. */
export interface CredentialReference {
  readonly tenantId: string
  readonly keystoreId: string
  /** Name of the configuration field, e.g. `secret_id`. */
  readonly name: string
  /** From 1; a new secret gets a new version. */
  readonly version: number
}

/** A secret as it is stored: sealed under a key of its own, which is sealed under the root key. */
export interface SealedCredential extends CredentialReference {
  readonly sealed: Uint8Array
  readonly createdAtMs: number
}

/** Sealed credentials as they are stored. Persistence implements it; they are *written* with the keystore they belong to. */
export interface CredentialRepository {
  credential(reference: CredentialReference): Promise<SealedCredential | undefined>
}
