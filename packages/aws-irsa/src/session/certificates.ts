import { type KeyObject, X509Certificate } from "node:crypto"
import { certificatesOf, configurationError, privateKeyOf } from "@apeiro-cmk/plugin-sdk"

/** A certificate chain with its key, for Roles Anywhere. */
export interface ClientCertificate {
  readonly leaf: X509Certificate
  /** Certificates of the intermediate authorities. */
  readonly chain: readonly X509Certificate[]
  readonly privateKey: KeyObject
}

const blockStart = /-----BEGIN [A-Z0-9 ]+-----/g

/**
 * Reads a chain and its key (PKCS#1, PKCS#8 or SEC1), and checks that they match and are valid now.
 *
 * @throws {PluginError} INVALID_REQUEST - `issues` names each invalid field
 */
export function readClientCertificate(chainPem: string, keyPem: Uint8Array, nowMs: number): ClientCertificate {
  const certificates = readChain(chainPem)
  const leaves = certificates.filter(({ ca }) => !ca)
  const [leaf] = leaves
  if (leaf === undefined || leaves.length > 1) {
    throw wrong("client_certificate", "must contain exactly one leaf certificate and its intermediates")
  }
  if (Date.parse(leaf.validTo) <= nowMs) throw wrong("client_certificate", "has expired")
  if (Date.parse(leaf.validFrom) > nowMs) throw wrong("client_certificate", "is not valid yet")
  const privateKey = readKey(keyPem)
  if (!leaf.checkPrivateKey(privateKey)) throw wrong("client_key", "is not the key of client_certificate")
  return { leaf, chain: certificates.filter((each) => each !== leaf), privateKey }
}

function readChain(pem: string): readonly X509Certificate[] {
  const starts = pem.match(blockStart) ?? []
  if (starts.some((start) => start !== "-----BEGIN CERTIFICATE-----")) {
    throw wrong("client_certificate", "must contain certificates and nothing else")
  }
  try {
    return certificatesOf(pem).map((text) => new X509Certificate(text))
  } catch {
    throw wrong("client_certificate", "is not a valid certificate") // OpenSSL's message names no field
  }
}

function readKey(pem: Uint8Array): KeyObject {
  try {
    return privateKeyOf(pem)
  } catch {
    throw wrong("client_key", "is not exactly one unencrypted private key in PEM") // OpenSSL's message may quote the key
  }
}

function wrong(field: string, message: string) {
  return configurationError([{ path: [field], message }])
}
