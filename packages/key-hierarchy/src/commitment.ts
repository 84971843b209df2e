import { type KeyObject, timingSafeEqual } from "node:crypto"
import { hkdfSha512, joinFields, keyLength } from "@apeiro-cmk/committing-wrap"

/** Length of an L2 commitment, in bytes. */
const tenantKeyCommitmentLength = 32
const emptySalt = new Uint8Array(0)

/** Names one version of a tenant key. */
export interface TenantKeyName {
  readonly tenantId: string
  readonly keyId: string
  readonly version: number
}

/**
 * Computes the commitment of a tenant key, which is stored with its wraps: it shows whether L1 unwrapped this very key,
 * and reveals nothing about the key. Specified in docs/envelope.md.
 *
 * @returns 32 bytes
 */
export function tenantKeyCommitment(tenantKey: KeyObject | Uint8Array, name: TenantKeyName): Uint8Array {
  const info = joinFields(["l2-commit", name.tenantId, name.keyId, String(name.version)])
  return hkdfSha512(tenantKey, emptySalt, info, tenantKeyCommitmentLength)
}

/** Tells whether bytes are the tenant key of a commitment. Constant time in the key. */
export function matchesCommitment(tenantKey: Uint8Array, name: TenantKeyName, commitment: Uint8Array): boolean {
  if (tenantKey.length !== keyLength || commitment.length !== tenantKeyCommitmentLength) return false
  return timingSafeEqual(tenantKeyCommitment(tenantKey, name), commitment)
}
