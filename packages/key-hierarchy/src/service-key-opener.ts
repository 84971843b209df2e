import type { KeyObject } from "node:crypto"
import { decodeEnvelope } from "./envelope.ts"
import { KeyHierarchyError } from "./error.ts"
import { unwrapKeyObject } from "./key-wrap.ts"
import type { ServiceKeyRecord } from "./records.ts"

/**
 * Opens a stored service key under its tenant key.
 * @throws {KeyHierarchyError} SERVICE_KEY_UNREADABLE - it was altered, or belongs to another key
 */
export function openServiceKey(tenantKey: KeyObject, record: ServiceKeyRecord): KeyObject {
  const { tenantId, parentKeyId, parentKeyVersion, serviceKeyId, version } = record
  const expected = {
    kind: "serviceKey",
    tenantId,
    keyId: serviceKeyId,
    keyVersion: version,
    parentKeyId,
    parentKeyVersion,
  } as const
  try {
    return unwrapKeyObject(tenantKey, expected, decodeEnvelope(record.envelope))
  } catch (cause) {
    if (!(cause instanceof KeyHierarchyError)) throw cause
    throw new KeyHierarchyError(
      "SERVICE_KEY_UNREADABLE",
      "The stored service key does not open under its tenant key.",
      {
        origin: "host",
        retryable: false,
        nextStep: "The database was altered: restore it from a backup, and find out who changed it.",
        cause,
      },
    )
  }
}
