import "reflect-metadata"
import { webcrypto } from "node:crypto"
import {
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from "@peculiar/x509"

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const
const rsaAlgorithm = {
  name: "RSASSA-PKCS1-v1_5",
  modulusLength: 3072,
  publicExponent: Uint8Array.of(1, 0, 1),
  hash: "SHA-256",
} as const
const serverAndClient = ["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"] // RFC 5280 §4.2.1.12
const hourMs = 3_600_000

/** A certificate with its key, PEM. */
export interface IssuedCertificate {
  readonly certificate: string
  /** PKCS #8. */
  readonly privateKey: string
}

/** The subject of a certificate. */
export interface CertificateSubject {
  readonly commonName: string
  readonly dnsNames?: readonly string[]
  readonly addresses?: readonly string[]
  readonly uris?: readonly string[]
  /** Type of the subject's key. Default `ecdsa` on P-256; `rsa` has 3072 bits. */
  readonly keyType?: "ecdsa" | "rsa"
  /** End of its validity, milliseconds since the Unix epoch; may lie in the past. Default: in a day. */
  readonly validUntilMs?: number
}

/** A certificate authority that lives as long as the test; no other machine trusts it. */
export interface TestAuthority {
  /** The authority's own certificate, PEM. */
  readonly certificate: string
  /** Issues a certificate for servers and clients. */
  issue(subject: CertificateSubject): Promise<IssuedCertificate>
}

/** Makes a new certificate authority with a P-256 key. */
export async function createTestAuthority(commonName = "test authority"): Promise<TestAuthority> {
  const keys = await newKeys()
  const name = `CN=${commonName}`
  const authority = await X509CertificateGenerator.createSelfSigned({
    ...validity(),
    name,
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new BasicConstraintsExtension(true, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
    ],
  })
  return {
    certificate: authority.toString("pem"),
    async issue(subject) {
      const subjectKeys = await newKeys(subject.keyType)
      const certificate = await X509CertificateGenerator.create({
        ...validity(subject.validUntilMs),
        subject: `CN=${subject.commonName}`,
        issuer: name,
        publicKey: subjectKeys.publicKey,
        signingKey: keys.privateKey,
        signingAlgorithm: algorithm,
        extensions: leafExtensions(subject),
      })
      return { certificate: certificate.toString("pem"), privateKey: await privateKeyPem(subjectKeys.privateKey) }
    },
  }
}

async function newKeys(type: CertificateSubject["keyType"] = "ecdsa"): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(type === "rsa" ? rsaAlgorithm : algorithm, true, ["sign", "verify"])
}

function validity(untilMs = Date.now() + 24 * hourMs): { readonly notBefore: Date; readonly notAfter: Date } {
  return { notBefore: new Date(Math.min(Date.now(), untilMs) - hourMs), notAfter: new Date(untilMs) }
}

/** A good certificate for 127.0.0.1, and two that a client must refuse. */
export interface ServerCertificates {
  /** The authority that a client should trust, PEM. */
  readonly authority: string
  readonly valid: IssuedCertificate
  /** Issued by an authority that the client does not trust. */
  readonly foreignAuthority: IssuedCertificate
  readonly expiredCertificate: IssuedCertificate
}

/** Makes the certificates of a server that can deliberately present a bad one, e.g. a fault proxy. */
export async function createServerCertificates(): Promise<ServerCertificates> {
  const subject = { commonName: "server", addresses: ["127.0.0.1"] }
  const trusted = await createTestAuthority()
  const foreign = await createTestAuthority("foreign authority")
  return {
    authority: trusted.certificate,
    valid: await trusted.issue(subject),
    foreignAuthority: await foreign.issue(subject),
    expiredCertificate: await trusted.issue({ ...subject, validUntilMs: Date.now() - hourMs }),
  }
}

function leafExtensions(subject: CertificateSubject): Extension[] {
  const alternativeNames = [
    ...(subject.dnsNames ?? []).map((value) => ({ type: "dns" as const, value })),
    ...(subject.addresses ?? []).map((value) => ({ type: "ip" as const, value })),
    ...(subject.uris ?? []).map((value) => ({ type: "url" as const, value })),
  ]
  return [
    new BasicConstraintsExtension(false, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
    new ExtendedKeyUsageExtension(serverAndClient),
    ...(alternativeNames.length === 0 ? [] : [new SubjectAlternativeNameExtension(alternativeNames)]),
  ]
}

async function privateKeyPem(key: webcrypto.CryptoKey): Promise<string> {
  const body = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", key)).toString("base64")
  return `-----BEGIN PRIVATE KEY-----\n${body.match(/.{1,64}/g)?.join("\n")}\n-----END PRIVATE KEY-----\n`
}
