import type { TokenRecord } from "@apeiro-cmk/persistence"
import type { Clock, RandomSource } from "@apeiro-cmk/plugin-interface"
import { v7 as uuidv7 } from "uuid"
import { bearerTokenHash, newBearerToken } from "./bearer-token.ts"
import type { TenantRole } from "./permissions.ts"

/** A token to make. */
export interface TokenOrder {
  readonly tenantId: string
  readonly role: TenantRole
  /** Milliseconds since the Unix epoch. */
  readonly expiresAtMs: number
}

/** A new token: the record to store, and the secret to show once. */
export interface NewTenantToken {
  readonly record: TokenRecord
  readonly secret: string
}

/** Makes a tenant's token. Nothing is stored: the caller stores the record, which has the secret's hash alone. */
export function newTenantToken(
  { tenantId, role, expiresAtMs }: TokenOrder,
  { clock, random }: { readonly clock: Clock; readonly random: RandomSource },
): NewTenantToken {
  const secret = newBearerToken(random)
  const record: TokenRecord = {
    tokenId: uuidv7(),
    tenantId,
    role,
    hash: bearerTokenHash(secret),
    createdAtMs: clock.nowMs(),
    expiresAtMs,
  }
  return { record, secret }
}
