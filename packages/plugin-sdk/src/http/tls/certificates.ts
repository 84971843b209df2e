import { X509Certificate } from "node:crypto"
import * as z from "zod"

/** Schema of one or more certificates as PEM text, at most 64 KiB. */
export function certificates() {
  return z
    .string()
    .max(65_536)
    .refine(isCertificateBundle, { error: "must be certificates as PEM text (BEGIN CERTIFICATE)" })
}

/** The certificates in a PEM text, each as its own text. */
export function certificatesOf(pem: string): readonly string[] {
  return pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
}

/** Says whether a text is PEM certificates only, each of which can be read. */
export function isCertificateBundle(text: string): boolean {
  const found = certificatesOf(text)
  if (found.length === 0 || text.includes("PRIVATE KEY")) return false
  return found.every((certificate) => {
    try {
      return new X509Certificate(certificate).raw.length > 0
    } catch {
      return false // no certificate: the message says what is expected
    }
  })
}
