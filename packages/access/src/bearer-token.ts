import { hash } from "node:crypto"
import type { RandomSource } from "@apeiro-cmk/plugin-interface"

/** Marks our tokens, so that scanners for leaked secrets can find them. */
const prefix = "acmk_"
const pattern = /^acmk_[A-Za-z0-9_-]{43}$/

/** Makes a bearer token of 256 random bits, as text. It is shown once and never stored. */
export function newBearerToken(random: RandomSource): string {
  const bytes = random.bytes(32)
  const token = prefix + Buffer.from(bytes).toString("base64url")
  bytes.fill(0)
  return token
}

/** Hashes a token with SHA-256: all that is stored of it. 256 random bits need no slow hash. */
export function bearerTokenHash(token: string): Uint8Array {
  return hash("sha256", token, "buffer")
}

/**
 * Reads the token of an `Authorization` header (RFC 6750 §2.1).
 * @returns undefined when the header is missing, has another scheme, or holds a token of another form than ours
 */
export function bearerTokenOf(authorization: string | undefined): string | undefined {
  const found = /^Bearer +(\S+) *$/i.exec(authorization ?? "")?.[1]
  return found !== undefined && pattern.test(found) ? found : undefined
}
