import { hkdfSync, type KeyObject } from "node:crypto"

const keyLength = 32

/**
 * The key of the fingerprints of requests that came with an idempotency key. It follows from the root key, which all
 * hosts of one database share: a request that is repeated at another host must be known again.
 */
export function fingerprintKeyOf(rootKey: KeyObject): Uint8Array {
  return new Uint8Array(hkdfSync("sha512", rootKey, "", "apeiro-cmk/v1/request-fingerprint", keyLength))
}
