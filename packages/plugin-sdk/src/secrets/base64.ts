const alphabet = Buffer.from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", "ascii")
const padding = 61
const invalid = 255

const values = new Uint8Array(256).fill(invalid)
alphabet.forEach((symbol, value) => {
  values[symbol] = value
})

/**
 * Encodes bytes as standard base64 in bytes. Node's own codecs go through a string, which cannot be filled with zeros; key
 * material must not become one.
 *
 * @returns a buffer outside Node's shared pool; the caller fills it with zeros after use
 */
export function encodeBase64(bytes: Uint8Array): Buffer {
  const text = Buffer.allocUnsafeSlow(Math.ceil(bytes.length / 3) * 4)
  let at = 0
  for (let index = 0; index < bytes.length; index += 3) {
    const first = bytes[index] ?? 0
    const second = bytes[index + 1] ?? 0
    const third = bytes[index + 2] ?? 0
    text[at++] = alphabet[first >> 2] ?? 0
    text[at++] = alphabet[((first & 3) << 4) | (second >> 4)] ?? 0
    text[at++] = index + 1 < bytes.length ? (alphabet[((second & 15) << 2) | (third >> 6)] ?? 0) : padding
    text[at++] = index + 2 < bytes.length ? (alphabet[third & 63] ?? 0) : padding
  }
  return text
}

/**
 * Decodes the output of {@link encodeBase64}: padded, canonical base64 only.
 *
 * @returns the bytes, in a buffer outside Node's shared pool, or `undefined` when the text is not such base64
 */
export function decodeBase64(text: Uint8Array): Buffer | undefined {
  if (text.length % 4 !== 0) return undefined
  const padded = text.at(-1) !== padding ? 0 : text.at(-2) !== padding ? 1 : 2
  const bytes = Buffer.allocUnsafeSlow((text.length / 4) * 3 - padded)
  const symbols = text.length - padded
  let collected = 0
  let bits = 0
  let at = 0
  for (let index = 0; index < symbols; index++) {
    const value = values[text[index] ?? 0] ?? invalid
    if (value === invalid) return undefined
    collected = ((collected << 6) | value) & 0xffff
    bits += 6
    if (bits >= 8) {
      bits -= 8
      bytes[at++] = (collected >> bits) & 0xff
    }
  }
  return (collected & ((1 << bits) - 1)) === 0 ? bytes : undefined
}
