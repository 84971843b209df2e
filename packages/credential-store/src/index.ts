export {
  type CredentialStore,
  type CredentialStoreOptions,
  createCredentialStore,
  maximumSecretLength,
  opensCredential,
} from "./credential-store.ts"
export { CredentialStoreError, type CredentialStoreErrorCode } from "./error.ts"
export type { CredentialReference, CredentialRepository, SealedCredential } from "./ports.ts"
export { loadOrCreateRootKey, loadRootKey, type RootKey } from "./root-key.ts"
