import { createPrivateKey, type KeyObject } from "node:crypto"

/**
 * Reads a PEM text that has exactly one private key (PKCS#1, PKCS#8 or SEC1), without a passphrase. Of several keys OpenSSL
 * takes the first in silence, which need not be the one that was meant.
 *
 * @throws {Error} no key, several, or an unreadable one; do not pass its message on, since it may quote the key
 */
export function privateKeyOf(pem: string | Uint8Array): KeyObject {
  const bytes = Buffer.from(pem)
  try {
    if (privateKeyMarks(bytes) !== 2) throw new Error("The text does not have exactly one private key.")
    return createPrivateKey({ key: bytes, format: "pem" })
  } finally {
    bytes.fill(0)
  }
}

/** Counts the ends of BEGIN and END lines of private keys of every kind. */
function privateKeyMarks(pem: Buffer): number {
  const mark = "PRIVATE KEY-----"
  let count = 0
  for (let at = pem.indexOf(mark); at !== -1; at = pem.indexOf(mark, at + mark.length)) count += 1
  return count
}
