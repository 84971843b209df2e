import { timingSafeEqual } from "node:crypto"
import type { Clock } from "@apeiro-cmk/plugin-interface"
import { bearerTokenHash, bearerTokenOf } from "./bearer-token.ts"
import { type Permission, roleAllows } from "./permissions.ts"
import type { Principal } from "./principal.ts"
import type { TokenLookup } from "./token-lookup.ts"

/** What a token is judged by. */
export interface TokenKeepers {
  readonly findToken: TokenLookup
  readonly administratorTokenHash: Uint8Array
  readonly clock: Clock
}

/**
 * Finds who sends a request. A token is looked up by its hash, so that no comparison's duration tells anything of it.
 *
 * @returns `anonymous` for no token, an unknown one, an expired or a revoked one: one answer for all of them
 */
export async function authenticate(authorization: string | undefined, keepers: TokenKeepers): Promise<Principal> {
  const token = bearerTokenOf(authorization)
  if (token === undefined) return { type: "anonymous" }
  const hash = bearerTokenHash(token)
  if (timingSafeEqual(hash, keepers.administratorTokenHash)) return { type: "administrator" }
  const record = await keepers.findToken(hash)
  if (record === undefined || record.revokedAtMs !== undefined) return { type: "anonymous" }
  if (record.expiresAtMs <= keepers.clock.nowMs()) return { type: "anonymous" }
  return { type: "token", tokenId: record.tokenId, tenantId: record.tenantId, role: record.role }
}

/**
 * Tells whether a principal may use a route. A tenant's token is refused for every other tenant, before anybody looks
 * whether that tenant exists.
 *
 * @param tenantId - the tenant that the path names, where it names one
 */
export function isAllowed(principal: Principal, permission: Permission, tenantId: string | undefined): boolean {
  if (permission === "public") return true
  switch (principal.type) {
    case "anonymous":
      return false
    case "administrator":
      return true
    case "token":
      return (tenantId === undefined || tenantId === principal.tenantId) && roleAllows(principal.role, permission)
  }
}
