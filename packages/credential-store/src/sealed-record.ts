import { createSecretKey, type KeyObject } from "node:crypto"
import {
  commitmentLength,
  joinFields,
  keyLength,
  openCommitted,
  saltLength,
  sealCommitted,
  tagLength,
} from "@apeiro-cmk/committing-wrap"
import type { RandomSource } from "@apeiro-cmk/plugin-interface"
import { credentialUnreadable } from "./error.ts"
import type { CredentialReference } from "./ports.ts"

/** First byte of every sealed credential. */
const formatVersion = 1
const credentialKeyLabel = "apeiro-cmk/v1/credential-key"
const credentialLabel = "apeiro-cmk/v1/credential"
/** Length of a wrap of one key: four fields, each preceded by its length in two bytes. */
const keyWrapLength = 4 * 2 + saltLength + commitmentLength + keyLength + tagLength

/**
 * Seals a secret under its own key, and that key under the root key. Both wraps are committing and bound to the reference
 * (docs/envelope.md, "Stored credentials").
 */
export function sealRecord(
  rootKey: KeyObject,
  reference: CredentialReference,
  secret: Uint8Array,
  random: RandomSource,
): Uint8Array {
  const header = headerOf(reference)
  const keyBytes = random.bytes(keyLength)
  try {
    const wrappedKey = sealCommitted({
      parent: rootKey,
      label: credentialKeyLabel,
      header,
      plaintext: keyBytes,
      random,
    })
    const parent = createSecretKey(keyBytes)
    const sealed = sealCommitted({ parent, label: credentialLabel, header, plaintext: secret, random })
    return Buffer.concat([Buffer.from([formatVersion]), wrappedKey, sealed])
  } finally {
    keyBytes.fill(0)
  }
}

/**
 * Opens a record that {@link sealRecord} made.
 *
 * @returns the secret; the caller fills it with zeros after use
 * @throws {CredentialStoreError} CREDENTIAL_UNREADABLE - for every reason
 */
export function openRecord(rootKey: KeyObject, reference: CredentialReference, record: Uint8Array): Uint8Array {
  if (record[0] !== formatVersion) throw credentialUnreadable()
  const header = headerOf(reference)
  const wrappedKey = record.subarray(1, 1 + keyWrapLength)
  const sealed = record.subarray(1 + keyWrapLength)
  const keyBytes = openOrRefuse(rootKey, credentialKeyLabel, header, wrappedKey)
  try {
    return openOrRefuse(createSecretKey(keyBytes), credentialLabel, header, sealed)
  } finally {
    keyBytes.fill(0)
  }
}

function openOrRefuse(parent: KeyObject, label: string, header: Uint8Array, sealed: Uint8Array): Uint8Array {
  try {
    return openCommitted({ parent, label, header, sealed })
  } catch {
    // Its one error blames the caller, who has sent nothing here.
    throw credentialUnreadable()
  }
}

function headerOf({ tenantId, keystoreId, name, version }: CredentialReference): Uint8Array {
  return joinFields([tenantId, keystoreId, name, String(version)])
}
