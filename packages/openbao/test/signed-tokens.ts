import { generateKeyPairSync, type KeyObject, sign } from "node:crypto"

/** Signs tokens (RFC 7519) as an issuer that OpenBao can be configured to trust. */
export interface TokenIssuer {
  readonly name: string
  /** PEM. */
  readonly publicKey: string
  /**
   * Signs a token for the audience `openbao` that is valid for 10 minutes. @param claims - additional or different
   * claims
   */
  issue(claims?: Readonly<Record<string, unknown>>): string
}

/** Makes an issuer with a new P-256 key. */
export function tokenIssuer(name = "https://issuer.test"): TokenIssuer {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" })
  return {
    name,
    publicKey: publicKey.export({ type: "spki", format: "pem" }).toString(),
    issue(claims = {}) {
      const nowSeconds = Math.floor(Date.now() / 1000)
      const standard = { iss: name, aud: ["openbao"], iat: nowSeconds - 60, exp: nowSeconds + 600 }
      return signed({ ...standard, ...claims }, privateKey)
    },
  }
}

function signed(claims: Readonly<Record<string, unknown>>, key: KeyObject): string {
  const text = `${encoded({ alg: "ES256", typ: "JWT" })}.${encoded(claims)}`
  const signature = sign("sha256", Buffer.from(text), { key, dsaEncoding: "ieee-p1363" })
  return `${text}.${signature.toString("base64url")}`
}

function encoded(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url")
}
