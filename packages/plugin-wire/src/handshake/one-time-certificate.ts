import { generateKeyPairSync, randomBytes, sign } from "node:crypto"
import {
  derBits,
  derElement,
  derInteger,
  derObjectId,
  derOctets,
  derSequence,
  derSet,
  derText,
  derTime,
  derTrue,
} from "./der.ts"

/** A certificate for the lifetime of one process, with its key. */
export interface OneTimeCertificate {
  /** DER. */
  readonly raw: Buffer
  /** PEM. */
  readonly certificate: string
  /** PEM, PKCS#8; never leaves the process. */
  readonly privateKey: string
}

const backdatedMs = 30_000
const lifeYears = 30
const ecdsaWithSha256 = derSequence(derObjectId("1.2.840.10045.4.3.2"))

/**
 * Makes a self-signed certificate for AutoMTLS (go-plugin): each side trusts exactly the other's certificate, so it is
 * authority, server and client at once. P-256, which BoringSSL peers can verify as well; name `localhost`, which hosts check.
 */
export function createOneTimeCertificate(nowMs: number = Date.now()): OneTimeCertificate {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" })
  const name = derSequence(attribute("2.5.4.10", "apeiro-cmk"), attribute("2.5.4.3", "localhost"))
  const ends = new Date(nowMs)
  ends.setUTCFullYear(ends.getUTCFullYear() + lifeYears)
  const serial = randomBytes(16)
  // Positive, and never beginning with a zero byte, as strict parsers require.
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40
  const toBeSigned = derSequence(
    derElement(0xa0, derInteger(Buffer.of(2))),
    derInteger(serial),
    ecdsaWithSha256,
    name,
    derSequence(derTime(new Date(nowMs - backdatedMs)), derTime(ends)),
    name,
    publicKey.export({ type: "spki", format: "der" }),
    derElement(0xa3, derSequence(...extensions)),
  )
  const raw = derSequence(toBeSigned, ecdsaWithSha256, derBits(sign("sha256", toBeSigned, privateKey)))
  return {
    raw,
    certificate: certificatePem(raw),
    privateKey: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  }
}

/** Encodes a certificate in DER as PEM. */
export function certificatePem(raw: Uint8Array): string {
  const lines = Buffer.from(raw)
    .toString("base64")
    .replaceAll(/.{64}(?=.)/g, "$&\n")
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`
}

function attribute(type: string, text: string): Buffer {
  return derSet(derSequence(derObjectId(type), derText(text)))
}

function critical(id: string, value: Uint8Array): Buffer {
  return derSequence(derObjectId(id), derTrue, derOctets(value))
}

const extensions = [
  // basicConstraints: an authority. keyUsage: signature, key encipherment, key agreement, signing of certificates.
  critical("2.5.29.19", derSequence(derTrue)),
  critical("2.5.29.15", derBits(Buffer.of(0b1010_1100), 2)),
  // extKeyUsage: server and client, since the roles change on brokered connections.
  derSequence(
    derObjectId("2.5.29.37"),
    derOctets(derSequence(derObjectId("1.3.6.1.5.5.7.3.1"), derObjectId("1.3.6.1.5.5.7.3.2"))),
  ),
  // subjectAltName: the DNS name localhost.
  derSequence(derObjectId("2.5.29.17"), derOctets(derSequence(derElement(0x82, Buffer.from("localhost"))))),
]
