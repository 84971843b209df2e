import { createSecretKey, type KeyObject } from "node:crypto"
import type { HostCall } from "@apeiro-cmk/host-call"
import { type CodedError, isPluginError } from "@apeiro-cmk/plugin-interface"
import { untilAborted } from "./abort.ts"
import { matchesCommitment } from "./commitment.ts"
import { tenantKeyUnreadable } from "./error.ts"
import { errorMeanings } from "./error-meanings.ts"
import { keyMismatch, noConditions, planUnwrap, type UnwrapCustody } from "./plan-unwrap.ts"
import type { L1Port, StoredTenantKey } from "./ports.ts"
import type { TenantKeyWrap } from "./records.ts"

/** A tenant key that L1 has just unwrapped. */
interface OpenedTenantKey {
  readonly key: KeyObject
  readonly backendRequestId?: string
}

/**
 * Has L1 unwrap a tenant key, checks that the result is this very key, and reports to L1 whether it was.
 *
 * @throws {PluginError} KEY_MISMATCH - the keystore returned something else
 * @throws {KeyHierarchyError} TENANT_KEY_UNREADABLE - the keystore refuses the stored wrap
 * @throws {PluginError} any other code of a keystore failure
 */
export async function openTenantKey(
  l1: L1Port,
  stored: StoredTenantKey,
  wrap: TenantKeyWrap,
  purpose: "lease" | "check",
  call: HostCall,
): Promise<OpenedTenantKey> {
  const { tenantId, keyId, version, commitment } = stored.key
  const request = {
    keystoreId: wrap.keystoreId,
    l1KeyId: wrap.l1KeyId,
    l1KeyVersion: wrap.l1KeyVersion,
    ciphertext: wrap.ciphertext,
    context: { tenantId, keyId, keyVersion: version },
    purpose,
  }
  const unwrap = l1.decrypt(request, call).catch((error: unknown) => {
    const meaning = isPluginError(error) ? errorMeanings[error.code].custody : undefined
    if (meaning === "wrap-rejected") throw noted(l1, wrap, tenantKeyUnreadable(error))
    throw isPluginError(error) && meaning === "mismatch" ? noted(l1, wrap, error) : error
  })
  const { plaintext, backendRequestId } = await untilAborted(unwrap, call.signal, (late) => late.plaintext.fill(0))
  try {
    if (!matchesCommitment(plaintext, { tenantId, keyId, version }, commitment)) throw noted(l1, wrap, keyMismatch())
    l1.noteStoredWrap(wrap, undefined)
    return { key: createSecretKey(plaintext), ...(backendRequestId === undefined ? {} : { backendRequestId }) }
  } finally {
    plaintext.fill(0)
  }
}

function noted(l1: L1Port, wrap: TenantKeyWrap, failure: CodedError): CodedError {
  l1.noteStoredWrap(wrap, failure)
  return failure
}

/**
 * Chooses the wrap by which a tenant key is opened.
 *
 * @throws {CodedError} the reason of the plan: what the custody forbids, or KEY_MISMATCH where no good wrap is left
 */
export function wrapToOpen(wraps: readonly TenantKeyWrap[], custody: UnwrapCustody): TenantKeyWrap {
  const plan = planUnwrap(wraps, custody, noConditions)
  if (!plan.allowed) throw plan.reason
  return plan.wraps[0]
}
