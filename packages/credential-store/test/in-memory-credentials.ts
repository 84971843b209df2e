import { randomBytes } from "node:crypto"
import type { CredentialReference, CredentialRepository, SealedCredential } from "../src/index.ts"

/** Sealed credentials in a map, open to a test that plays the database thief. */
export function inMemoryCredentials() {
  const stored = new Map<string, SealedCredential>()
  const keyOf = ({ tenantId, keystoreId, name, version }: CredentialReference) =>
    JSON.stringify([tenantId, keystoreId, name, version])
  const repository: CredentialRepository = {
    credential: async (reference) => stored.get(keyOf(reference)),
  }
  return {
    repository,
    put(credential: SealedCredential, at: CredentialReference = credential) {
      stored.set(keyOf(at), credential)
    },
  }
}

export const random = { bytes: (length: number) => randomBytes(length) }
