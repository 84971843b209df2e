import { createSecretKey, type KeyObject } from "node:crypto"
import type { EncryptionContext } from "@apeiro-cmk/plugin-interface"
import { matchesCommitment } from "./commitment.ts"
import { decodeEnvelope, type EnvelopeHeader } from "./envelope.ts"
import { ciphertextRejected, KeyHierarchyError } from "./error.ts"
import type { KeyExport } from "./key-export-document.ts"
import { unwrapKey, unwrapKeyObject } from "./key-wrap.ts"
import { keyMismatch } from "./plan-unwrap.ts"

/** A wrap of a tenant key, for the holder of L1 to open. */
export interface L1WrapToOpen {
  readonly keystoreId: string
  readonly l1KeyId: string
  readonly l1KeyIdentity: string
  readonly l1KeyVersion: string
  readonly ciphertext: Uint8Array
  readonly context: EncryptionContext
}

/** Arguments of {@link recoverDataKey}. */
export interface RecoverDataKeyRequest {
  readonly keyExport: KeyExport
  /** Envelope of the data key. */
  readonly envelope: Uint8Array
  /** Has the tenant's L1 open a wrap. Its error passes through, if no other wrap opens. */
  readonly decryptL1: (wrap: L1WrapToOpen) => Promise<Uint8Array>
}

/** A data key that was recovered without the host. */
export interface RecoveredDataKey {
  /** 32 bytes; the caller fills it with zeros after use. */
  readonly plaintext: Uint8Array
  readonly serviceKeyName: string
  readonly serviceKeyVersion: number
  /** The keystore whose L1 opened the tenant key. */
  readonly keystoreId: string
}

/**
 * Opens an envelope with a key export and the tenant's L1 alone, without host and database. It ignores the states of keys,
 * since the holder of L1 owns them.
 *
 * @throws {KeyHierarchyError} CIPHERTEXT_REJECTED - the envelope is altered, or belongs to another tenant
 * @throws {KeyHierarchyError} KEY_EXPORT_INVALID - the export lacks a key that the envelope needs, or is altered
 * @throws {PluginError} KEY_MISMATCH - L1 unwrapped something that is not the tenant key
 */
export async function recoverDataKey(request: RecoverDataKeyRequest): Promise<RecoveredDataKey> {
  const { keyExport } = request
  const envelope = decodeEnvelope(request.envelope)
  if (envelope?.header.kind !== "dataKey" || envelope.header.tenantId !== keyExport.tenant_id)
    throw ciphertextRejected()
  const { parentKeyId, parentKeyVersion } = envelope.header
  const serviceKey = keyExport.service_keys.find(
    (candidate) => candidate.service_key_id === parentKeyId && candidate.version === parentKeyVersion,
  )
  if (serviceKey === undefined) throw exportLacks("the service key of this envelope")
  const opened = await openTenantKeyOfExport(request, serviceKey.parent_key_id, serviceKey.parent_key_version)
  const expected: EnvelopeHeader = {
    kind: "serviceKey",
    tenantId: keyExport.tenant_id,
    keyId: serviceKey.service_key_id,
    keyVersion: serviceKey.version,
    parentKeyId: serviceKey.parent_key_id,
    parentKeyVersion: serviceKey.parent_key_version,
  }
  const parent = openServiceKeyOfExport(opened.key, expected, serviceKey.envelope)
  return {
    plaintext: unwrapKey(parent, envelope.header, envelope),
    serviceKeyName: serviceKey.name,
    serviceKeyVersion: serviceKey.version,
    keystoreId: opened.keystoreId,
  }
}

function openServiceKeyOfExport(tenantKey: KeyObject, expected: EnvelopeHeader, envelope: string): KeyObject {
  try {
    return unwrapKeyObject(tenantKey, expected, decodeEnvelope(Buffer.from(envelope, "base64")))
  } catch {
    throw exportLacks("an unaltered envelope of the service key")
  }
}

async function openTenantKeyOfExport(
  { keyExport, decryptL1 }: RecoverDataKeyRequest,
  keyId: string,
  version: number,
): Promise<{ readonly key: KeyObject; readonly keystoreId: string }> {
  const tenantId = keyExport.tenant_id
  const tenantKey = keyExport.tenant_keys.find(
    (candidate) => candidate.key_id === keyId && candidate.version === version,
  )
  if (tenantKey === undefined || tenantKey.wraps.length === 0) throw exportLacks("the tenant key above the service key")
  const commitment = Buffer.from(tenantKey.commitment, "base64")
  let failure: unknown
  for (const wrap of tenantKey.wraps) {
    try {
      const plaintext = await decryptL1({
        keystoreId: wrap.keystore_id,
        l1KeyId: wrap.l1_key_id,
        l1KeyIdentity: wrap.l1_key_identity,
        l1KeyVersion: wrap.l1_key_version,
        ciphertext: Buffer.from(wrap.ciphertext, "base64"),
        context: { tenantId, keyId, keyVersion: version },
      })
      try {
        if (!matchesCommitment(plaintext, { tenantId, keyId, version }, commitment)) throw keyMismatch()
        return { key: createSecretKey(plaintext), keystoreId: wrap.keystore_id }
      } finally {
        plaintext.fill(0)
      }
    } catch (error) {
      // Another wrap may open; otherwise the first reason is reported.
      failure ??= error
    }
  }
  throw failure
}

function exportLacks(what: string): KeyHierarchyError {
  return new KeyHierarchyError("KEY_EXPORT_INVALID", `The key export lacks ${what}.`, {
    origin: "caller",
    retryable: false,
    nextStep: "Use a key export that the same host made after the envelope.",
  })
}
