import { createPublicKey, type JsonWebKey, verify } from "node:crypto"
import * as z from "zod"
import { AwsError } from "./aws-error.ts"

/** An OpenID Connect provider that an account trusts. */
export interface IdentityProvider {
  /** `https://host/path`: claim `iss` of its tokens. */
  readonly issuer: string
  /** Its public keys (RFC 7517). */
  readonly keys: readonly (JsonWebKey & { readonly kid?: string })[]
  /** Values of `aud` that the account has registered. */
  readonly audiences: readonly string[]
}

const header = z.looseObject({ alg: z.enum(["RS256", "ES256"]), kid: z.string().optional() })
const claims = z.looseObject({
  iss: z.string(),
  sub: z.string(),
  aud: z.union([z.string(), z.array(z.string())]).transform((value) => [value].flat()),
  exp: z.number(),
  nbf: z.number().optional(),
})

/** The claims of a token that was verified. */
export type TokenClaims = z.output<typeof claims>

/**
 * Verifies signature, issuer, audience and time of a token.
 * @throws {AwsError} InvalidIdentityToken, ExpiredTokenException
 */
export function verifyToken(token: string, providers: readonly IdentityProvider[], nowMs: number): TokenClaims {
  const [head = "", body = "", signature = "", ...more] = token.split(".")
  const { alg, kid } = parsePart(header, head)
  const read = parsePart(claims, body)
  const provider = providers.find(({ issuer }) => issuer === read.iss)
  if (provider === undefined || more.length > 0) throw invalid("No OpenIDConnect provider found in your account")
  const keys = provider.keys.filter((key) => kid === undefined || key.kid === undefined || key.kid === kid)
  const signed = Buffer.from(`${head}.${body}`)
  const isGenuine = keys.some((key) => {
    const publicKey = { key: createPublicKey({ key, format: "jwk" }), dsaEncoding: "ieee-p1363" } as const
    return key.kty === (alg === "RS256" ? "RSA" : "EC") && verify("sha256", signed, publicKey, decode(signature))
  })
  if (!isGenuine) throw invalid("Couldn't verify the signature of the token")
  if (!read.aud.some((each) => provider.audiences.includes(each))) throw invalid("Incorrect token audience")
  if (read.exp * 1000 <= nowMs) throw new AwsError("ExpiredTokenException", "Token expired")
  if ((read.nbf ?? 0) * 1000 > nowMs) throw invalid("Token is not yet valid")
  return read
}

function parsePart<Shape extends z.ZodType>(shape: Shape, part: string): z.output<Shape> {
  try {
    return shape.parse(JSON.parse(decode(part).toString("utf8")))
  } catch {
    throw invalid("The ID Token provided is not a valid JWT")
  }
}

function decode(text: string): Buffer {
  return Buffer.from(text, "base64url")
}

function invalid(message: string): AwsError {
  return new AwsError("InvalidIdentityToken", message)
}
