import { type KeyObject, timingSafeEqual } from "node:crypto"
import { joinFields } from "./byte-fields.ts"
import { hkdfSha512, keyLength } from "./primitives.ts"

/** Length of an L2 commitment, in bytes. */
const tenantKeyCommitmentLength = 32
const emptySalt = new Uint8Array(0)

/** Which version of a tenant key it is. */
export interface TenantKeyName {
  readonly tenantId: string
  readonly keyId: string
  readonly version: number
}

/**
 * The commitment of a tenant key, stored beside its wraps: it tells whether what L1 unwrapped is this very key, and
 * reveals nothing of it. Specified in docs/envelope.md.
 *
 * @returns 32 bytes
 */
export function tenantKeyCommitment(tenantKey: KeyObject | Uint8Array, name: TenantKeyName): Uint8Array {
  const info = joinFields(["l2-commit", name.tenantId, name.keyId, String(name.version)])
  return hkdfSha512(tenantKey, emptySalt, info, tenantKeyCommitmentLength)
}

/** Whether bytes are the tenant key that a commitment was made of. Constant time in the key. */
export function matchesCommitment(tenantKey: Uint8Array, name: TenantKeyName, commitment: Uint8Array): boolean {
  if (tenantKey.length !== keyLength || commitment.length !== tenantKeyCommitmentLength) return false
  return timingSafeEqual(tenantKeyCommitment(tenantKey, name), commitment)
}
