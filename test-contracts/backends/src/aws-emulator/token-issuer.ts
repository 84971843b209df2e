import { generateKeyPairSync, randomUUID, sign } from "node:crypto"
import type { IdentityProvider } from "./web-identity-token.ts"

/** Claims of a token to issue. */
export interface TokenWish {
  readonly subject: string
  /** Default `sts.amazonaws.com`. */
  readonly audience?: string
  /** Default 600; may be negative. */
  readonly expiresInSeconds?: number
}

/** Our own OpenID Connect issuer, instead of a cluster's. */
export interface TokenIssuer {
  readonly provider: IdentityProvider
  /** @returns a JWT, RS256 */
  issue(wish: TokenWish): string
}

/** Makes an issuer with its own key. */
export function createTokenIssuer(issuer = "https://issuer.test/cluster"): TokenIssuer {
  const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 })
  const kid = randomUUID()
  const jwk = { ...publicKey.export({ format: "jwk" }), kid }
  return {
    provider: { issuer, keys: [jwk], audiences: ["sts.amazonaws.com"] },
    issue({ subject, audience = "sts.amazonaws.com", expiresInSeconds = 600 }) {
      const nowSeconds = Math.floor(Date.now() / 1000)
      const claims = { iss: issuer, sub: subject, aud: [audience], iat: nowSeconds, exp: nowSeconds + expiresInSeconds }
      const signed = [{ alg: "RS256", kid }, claims].map((part) => base64url(JSON.stringify(part))).join(".")
      return `${signed}.${base64url(sign("sha256", Buffer.from(signed), privateKey))}`
    },
  }
}

function base64url(bytes: string | Buffer): string {
  return Buffer.from(bytes).toString("base64url")
}
