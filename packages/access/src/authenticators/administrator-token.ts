import { timingSafeEqual } from "node:crypto"
import type { Authenticator } from "../authenticator.ts"
import { bearerTokenHash, bearerTokenOf } from "../bearer-token.ts"

/** Recognises the token of the platform's administrator. */
export const administratorToken: Authenticator = async ({ authorization }, { administratorTokenHash }) => {
  const token = bearerTokenOf(authorization)
  if (token === undefined) return undefined
  return timingSafeEqual(bearerTokenHash(token), administratorTokenHash) ? { type: "administrator" } : undefined
}
