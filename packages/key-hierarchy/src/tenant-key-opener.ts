import { createSecretKey, type KeyObject } from "node:crypto"
import type { HostCall } from "@apeiro-cmk/audit-log"
import { isPluginError, PluginError } from "@apeiro-cmk/plugin-interface"
import { untilAborted } from "./abort.ts"
import { matchesCommitment } from "./commitment.ts"
import { tenantKeyUnreadable } from "./error.ts"
import type { L1Port, StoredTenantKey } from "./ports.ts"
import type { TenantKeyWrap } from "./records.ts"

/** A tenant key that L1 has just unwrapped. */
interface OpenedTenantKey {
  readonly key: KeyObject
  readonly backendRequestId?: string
}

/**
 * Has L1 unwrap a tenant key, and checks that it is this very key.
 *
 * @throws {PluginError} KEY_MISMATCH - the keystore gave something else
 * @throws {KeyHierarchyError} TENANT_KEY_UNREADABLE - the keystore refuses the stored wrap
 * @throws {PluginError} any other code of a keystore failure
 */
export async function openTenantKey(
  l1: L1Port,
  stored: StoredTenantKey,
  wrap: TenantKeyWrap,
  call: HostCall,
): Promise<OpenedTenantKey> {
  const { tenantId, keyId, version, commitment } = stored.key
  const request = {
    keystoreId: wrap.keystoreId,
    l1KeyId: wrap.l1KeyId,
    l1KeyVersion: wrap.l1KeyVersion,
    ciphertext: wrap.ciphertext,
    context: { tenantId, keyId, keyVersion: version },
  }
  const unwrap = l1.decrypt(request, call).catch((error: unknown) => {
    throw isPluginError(error) && error.code === "CIPHERTEXT_REJECTED" ? tenantKeyUnreadable(error) : error
  })
  const { plaintext, backendRequestId } = await untilAborted(unwrap, call.signal, (late) => late.plaintext.fill(0))
  try {
    if (!matchesCommitment(plaintext, { tenantId, keyId, version }, commitment)) throw keyMismatch()
    return { key: createSecretKey(plaintext), ...(backendRequestId === undefined ? {} : { backendRequestId }) }
  } finally {
    plaintext.fill(0)
  }
}

/**
 * The wrap to open a tenant key by.
 * @throws {PluginError} KEY_MISMATCH - every wrap is quarantined
 */
export function goodWrap(stored: StoredTenantKey): TenantKeyWrap {
  const wrap = stored.wraps.find((candidate) => candidate.state === "good")
  if (wrap === undefined) throw keyMismatch()
  return wrap
}

/** The error for a keystore that returned another key than the one that was wrapped. */
export function keyMismatch(): PluginError {
  return new PluginError("KEY_MISMATCH", "The keystore unwrapped something that is not this tenant key.", {
    origin: "backend",
    retryable: false,
    nextStep: "Check that the keystore still holds the same L1 key, and restore it if it was replaced.",
  })
}
