export {
  type CredentialStore,
  type CredentialStoreOptions,
  createCredentialStore,
  maximumSecretLength,
} from "./credential-store.ts"
export { CredentialStoreError, type CredentialStoreErrorCode } from "./error.ts"
export type { CredentialReference, CredentialRepository, SealedCredential } from "./ports.ts"
export { loadOrCreateRootKey, type RootKey } from "./root-key.ts"
