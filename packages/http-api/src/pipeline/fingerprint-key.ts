import { hkdfSync, type KeyObject } from "node:crypto"

const keyLength = 32

/**
 * Derives the key of the fingerprints of requests that came with an idempotency key. It follows from the root key, which
 * all hosts of one database share: every host must recognise a repeated request.
 */
export function fingerprintKeyOf(rootKey: KeyObject): Uint8Array {
  return new Uint8Array(hkdfSync("sha512", rootKey, "", "apeiro-cmk/v1/request-fingerprint", keyLength))
}
