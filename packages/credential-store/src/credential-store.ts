import type { Clock, RandomSource, SecretHandle } from "@apeiro-cmk/plugin-interface"
import { CredentialStoreError, credentialNotFound, credentialUnreadable } from "./error.ts"
import type { CredentialReference, CredentialRepository, SealedCredential } from "./ports.ts"
import type { RootKey } from "./root-key.ts"
import { openRecord, sealRecord } from "./sealed-record.ts"

/** Longest secret, in bytes: enough for a certificate chain with its key. */
export const maximumSecretLength = 32_768
/** Longest reference, in bytes: a longer one does not fit into the header of a wrap. */
const maximumReferenceLength = 900

/** Options of {@link createCredentialStore}. */
export interface CredentialStoreOptions {
  readonly rootKey: RootKey
  readonly credentials: CredentialRepository
  readonly random: RandomSource
  readonly clock: Clock
}

/** Keeps the secrets of keystore configurations sealed at rest. No method logs, and no error contains any part of a secret. */
export interface CredentialStore {
  /**
   * Seals a secret for the transaction that stores it with its keystore.
   *
   * @param secret - 1 to 32,768 bytes; the caller keeps it, and fills it with zeros after use
   * @throws {RangeError} the secret or the reference is out of bounds
   */
  seal(reference: CredentialReference, secret: Uint8Array): SealedCredential
  /**
   * Opens a stored secret.
   *
   * @returns the secret; the caller fills it with zeros after use
   * @throws {CredentialStoreError} CREDENTIAL_NOT_FOUND - there is no such credential, or not in this version
   * @throws {CredentialStoreError} CREDENTIAL_UNREADABLE - altered, swapped, or sealed under another root key
   */
  read(reference: CredentialReference): Promise<Uint8Array>
  /** Makes the handle that a plugin receives instead of the secret. It reads the secret again each time, and keeps nothing. */
  handle(reference: CredentialReference): SecretHandle
}

/** Makes the credential store of a host. */
export function createCredentialStore(options: CredentialStoreOptions): CredentialStore {
  const { rootKey, credentials, random, clock } = options

  const read = async (reference: CredentialReference): Promise<Uint8Array> => {
    const stored = await credentials.credential(reference)
    if (stored === undefined) throw credentialNotFound()
    if (!isSameReference(stored, reference)) throw credentialUnreadable()
    return openRecord(rootKey.key, reference, stored.sealed)
  }

  return {
    seal(reference, secret) {
      assertBounds(reference, secret)
      const { tenantId, keystoreId, name, version } = reference
      const sealed = sealRecord(rootKey.key, reference, secret, random)
      return { tenantId, keystoreId, name, version, sealed, createdAtMs: clock.nowMs() }
    },
    read,
    handle(reference) {
      return {
        version: String(reference.version),
        async read(signal) {
          signal.throwIfAborted()
          return read(reference)
        },
      }
    },
  }
}

/** Tells whether a root key is the one under which a stored credential was sealed. */
export function opensCredential({ key }: RootKey, { sealed, ...reference }: SealedCredential): boolean {
  try {
    openRecord(key, reference, sealed).fill(0)
    return true
  } catch (error) {
    if (error instanceof CredentialStoreError) return false
    throw error
  }
}

function isSameReference(left: CredentialReference, right: CredentialReference): boolean {
  return (
    left.tenantId === right.tenantId &&
    left.keystoreId === right.keystoreId &&
    left.name === right.name &&
    left.version === right.version
  )
}

function assertBounds({ tenantId, keystoreId, name, version }: CredentialReference, secret: Uint8Array): void {
  if (secret.length === 0 || secret.length > maximumSecretLength) {
    throw new RangeError(`a secret has 1 to ${maximumSecretLength} bytes`)
  }
  if (!Number.isSafeInteger(version) || version < 1) throw new RangeError("versions of a credential count from 1")
  if (Buffer.byteLength(tenantId + keystoreId + name) > maximumReferenceLength) {
    throw new RangeError(`a credential's reference has at most ${maximumReferenceLength} bytes`)
  }
}
