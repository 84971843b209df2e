import { randomBytes } from "node:crypto"

/**
 * Makes an id for a call whose caller sent none: a UUID of version 7 (RFC 9562), so that ids sort by their time.
 *
 * @param nowMs - milliseconds since the Unix epoch
 */
export function newRequestId(nowMs: number): string {
  const bytes = randomBytes(16)
  bytes.writeUIntBE(nowMs, 0, 6)
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x70
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80
  const hex = bytes.toString("hex")
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-")
}
