import { X509Certificate } from "node:crypto"
import * as z from "zod"

/** Makes the schema of one or more certificates as PEM text, at most 64 KiB. */
export function certificates() {
  return z
    .string()
    .max(65_536)
    .refine(isCertificateBundle, { error: "must be certificates as PEM text (BEGIN CERTIFICATE)" })
}

/** Splits a PEM text into its certificates. */
export function certificatesOf(pem: string): readonly string[] {
  return pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
}

/** Tells whether a text holds only PEM certificates, each of which can be read. */
export function isCertificateBundle(text: string): boolean {
  const found = certificatesOf(text)
  if (found.length === 0 || text.includes("PRIVATE KEY")) return false
  return found.every((certificate) => {
    try {
      return new X509Certificate(certificate).raw.length > 0
    } catch {
      return false // not a certificate: the message says what is expected
    }
  })
}
