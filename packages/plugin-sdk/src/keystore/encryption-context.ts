import type { EncryptionContext } from "@apeiro-cmk/plugin-interface"
import { pluginError } from "../errors/error-facts.ts"

const label = "apeiro-cmk/l1-context/v1"
const longestPartBytes = 0xffff

/**
 * Encodes an encryption context for protocols that bind opaque bytes (OpenBao `associated_data`, DSM `ad`, GCM AAD).
 *
 * The bytes are fixed permanently: the ASCII label `apeiro-cmk/l1-context/v1`, the tenant id, the key id and the decimal
 * key version, each in UTF-8 behind its length as an unsigned 16-bit big-endian number.
 *
 * @throws {PluginError} INVALID_REQUEST - an id is empty, longer than 65,535 bytes or not well-formed text, or the
 * version is not a positive integer
 */
export function encodeEncryptionContext(context: EncryptionContext): Uint8Array {
  const { tenantId, keyId, keyVersion } = context
  if (!Number.isSafeInteger(keyVersion) || keyVersion < 1) throw invalidContext("keyVersion is not a positive integer")
  const parts = [label, part("tenantId", tenantId), part("keyId", keyId), String(keyVersion)]
  return Buffer.concat(
    parts.flatMap((text) => {
      const bytes = Buffer.from(text, "utf8")
      const length = Buffer.alloc(2)
      length.writeUInt16BE(bytes.length)
      return [length, bytes]
    }),
  )
}

function part(name: string, text: string): string {
  // A lone surrogate would be encoded as U+FFFD, and two contexts would share their bytes.
  if (text === "" || !text.isWellFormed()) throw invalidContext(`${name} is empty or not well-formed text`)
  if (Buffer.byteLength(text) > longestPartBytes) throw invalidContext(`${name} is longer than 65535 bytes`)
  return text
}

function invalidContext(message: string) {
  return pluginError(
    "INVALID_REQUEST",
    `Encryption context: ${message}.`,
    "Pass the ids unchanged, as the host made them.",
  )
}
