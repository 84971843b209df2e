import type { Authenticator } from "../authenticator.ts"
import { bearerTokenHash, bearerTokenOf } from "../bearer-token.ts"

/**
 * Recognises a tenant's token that is neither revoked nor expired. It is looked up by its hash, so that the duration of a
 * comparison reveals nothing.
 */
export const tenantToken: Authenticator = async ({ authorization }, { tokens, clock }) => {
  const token = bearerTokenOf(authorization)
  if (token === undefined) return undefined
  const record = await tokens.find(bearerTokenHash(token))
  if (record === undefined || record.revokedAtMs !== undefined) return undefined
  if (record.expiresAtMs <= clock.nowMs()) return undefined
  return { type: "token", tokenId: record.tokenId, tenantId: record.tenantId, role: record.role }
}
