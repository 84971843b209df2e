import { generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto"

/** A certificate with its private key, PEM; created in each test run, so that the repository holds no private key. */
export interface TestCertificate {
  readonly certificate: string
  readonly privateKey: string
}

/** Our own certificate authority. */
export interface TestAuthority {
  readonly certificate: string
  /** @param names - DNS names and IPv4 addresses of the subject */
  issue(commonName: string, names?: readonly string[]): TestCertificate
}

/** Writes X.509 certificates (RFC 5280) with P-256 keys: just enough DER for a TLS test. */
export function testAuthority(commonName: string): TestAuthority {
  const keys = generateKeyPairSync("ec", { namedCurve: "P-256" })
  const sealed = (subject: string, publicKey: KeyObject, extensions: Buffer[]) =>
    pem("CERTIFICATE", signed(certificateBody(commonName, subject, publicKey, extensions), keys.privateKey))
  return {
    certificate: sealed(commonName, keys.publicKey, [extension("2.5.29.19", sequence(boolean(true)))]),
    issue(subject, names = []) {
      const leaf = generateKeyPairSync("ec", { namedCurve: "P-256" })
      const alternatives = extension("2.5.29.17", sequence(...names.map(generalName)))
      return {
        certificate: sealed(subject, leaf.publicKey, names.length === 0 ? [] : [alternatives]),
        privateKey: leaf.privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
      }
    },
  }
}

function certificateBody(issuer: string, subject: string, publicKey: KeyObject, extensions: Buffer[]): Buffer {
  const hourMs = 3_600_000
  return sequence(
    tagged(0xa0, integer(Buffer.of(2))),
    integer(Buffer.concat([Buffer.of(1), randomBytes(8)])),
    ecdsaWithSha256,
    distinguishedName(issuer),
    sequence(time(Date.now() - hourMs), time(Date.now() + 24 * hourMs)),
    distinguishedName(subject),
    publicKey.export({ type: "spki", format: "der" }),
    ...(extensions.length === 0 ? [] : [tagged(0xa3, sequence(...extensions))]),
  )
}

function signed(body: Buffer, key: KeyObject): Buffer {
  const signature = sign("sha256", body, key)
  return sequence(body, ecdsaWithSha256, tagged(0x03, Buffer.concat([Buffer.of(0), signature])))
}

function tagged(tag: number, content: Buffer): Buffer {
  const { length } = content
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.of(tag, ...size), content])
}

function sequence(...parts: Buffer[]): Buffer {
  return tagged(0x30, Buffer.concat(parts))
}

function integer(bytes: Buffer): Buffer {
  return tagged(0x02, bytes)
}

function boolean(value: boolean): Buffer {
  return tagged(0x01, Buffer.of(value ? 0xff : 0))
}

function objectIdentifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number)
  const bytes = rest.flatMap((arc) => {
    const groups = [arc & 0x7f]
    for (let left = arc >> 7; left > 0; left >>= 7) groups.unshift((left & 0x7f) | 0x80)
    return groups
  })
  return tagged(0x06, Buffer.of(first * 40 + second, ...bytes))
}

function distinguishedName(commonName: string): Buffer {
  const attribute = sequence(objectIdentifier("2.5.4.3"), tagged(0x0c, Buffer.from(commonName)))
  return sequence(tagged(0x31, attribute))
}

function time(atMs: number): Buffer {
  const text = new Date(atMs).toISOString().replace(/[-:T]|\.\d+/g, "")
  return tagged(0x18, Buffer.from(text))
}

function extension(identifier: string, value: Buffer): Buffer {
  return sequence(objectIdentifier(identifier), tagged(0x04, value))
}

function generalName(name: string): Buffer {
  const parts = name.split(".")
  return parts.length === 4 && parts.every((part) => /^\d+$/.test(part))
    ? tagged(0x87, Buffer.from(parts.map(Number)))
    : tagged(0x82, Buffer.from(name))
}

function pem(label: string, der: Buffer): string {
  const lines = der.toString("base64").match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`
}

const ecdsaWithSha256 = sequence(objectIdentifier("1.2.840.10045.4.3.2"))
