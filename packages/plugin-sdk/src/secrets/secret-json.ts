import { decodeBase64, encodeBase64 } from "./base64.ts"

/**
 * Builds a JSON object of texts and of byte fields in standard base64; the bytes never become a string. The caller fills
 * the result with zeros after use.
 *
 * @param rest - further fields, without secrets; at least one
 */
export function jsonWithBytes(
  bytes: Readonly<Record<string, Uint8Array>>,
  rest: Readonly<Record<string, unknown>>,
): Buffer {
  const encoded = Object.entries(bytes).map(([name, value]) => ({ name, base64: encodeBase64(value) }))
  const tail = Buffer.from(JSON.stringify(rest).slice(1))
  const length = encoded.reduce((sum, { name, base64 }) => sum + name.length + base64.length + 6, 1 + tail.length)
  const body = Buffer.allocUnsafeSlow(length)
  let at = body.write("{")
  for (const { name, base64 } of encoded) {
    at += body.write(`"${name}":"`, at)
    at += base64.copy(body, at)
    at += body.write('",', at)
    base64.fill(0)
  }
  tail.copy(body, at)
  return body
}

/**
 * Decodes a base64 field of a JSON text and overwrites it there with `A`, the digit zero, so that the text may become a
 * string. A quotation mark inside a JSON string is escaped, so the field's name between two bare ones can only be a name.
 *
 * @returns the bytes, which the caller fills with zeros; `undefined` where the field is missing or not such base64
 */
export function takeBase64Field(json: Uint8Array, name: string): Uint8Array | undefined {
  const bytes = Buffer.from(json.buffer, json.byteOffset, json.length)
  const label = `"${name}"`
  const found = bytes.indexOf(label)
  if (found < 0) return undefined
  let at = found + label.length
  while (at < bytes.length && isBlankOrColon(bytes[at])) at++
  if (bytes[at] !== 0x22) return undefined
  const end = bytes.indexOf(0x22, at + 1)
  if (end < 0) return undefined
  const text = bytes.subarray(at + 1, end)
  const secret = decodeBase64(text)
  text.fill(0x41)
  return secret
}

function isBlankOrColon(byte: number | undefined): boolean {
  return byte === 0x3a || byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09
}
