/** Encodes one element of DER (X.690): tag, length, content. */
export function derElement(tag: number, ...content: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(content)
  if (body.length < 0x80) return Buffer.concat([Buffer.of(tag, body.length), body])
  const length = Buffer.from(body.length.toString(16).padStart(body.length > 0xff ? 4 : 2, "0"), "hex")
  return Buffer.concat([Buffer.of(tag, 0x80 | length.length), length, body])
}

export const derSequence = (...content: readonly Uint8Array[]) => derElement(0x30, ...content)
export const derSet = (...content: readonly Uint8Array[]) => derElement(0x31, ...content)
export const derText = (text: string) => derElement(0x0c, Buffer.from(text))
export const derOctets = (content: Uint8Array) => derElement(0x04, content)
export const derBits = (content: Uint8Array, unusedBits = 0) => derElement(0x03, Buffer.of(unusedBits), content)
export const derTrue = derElement(0x01, Buffer.of(0xff))

/** Encodes a positive integer: with a zero in front where its first bit would make it negative. */
export function derInteger(bytes: Uint8Array): Buffer {
  return derElement(0x02, ...((bytes[0] ?? 0) >= 0x80 ? [Buffer.of(0)] : []), bytes)
}

/** Encodes an object identifier, e.g. `2.5.29.17`. */
export function derObjectId(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number)
  return derElement(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]))
}

function base128(value: number): number[] {
  const digits = [value & 0x7f]
  for (let left = value >> 7; left > 0; left >>= 7) digits.unshift(0x80 | (left & 0x7f))
  return digits
}

/** Encodes a time: UTCTime to the end of 2049, GeneralizedTime from then on (RFC 5280 §4.1.2.5). */
export function derTime(moment: Date): Buffer {
  const text = `${moment.toISOString().replaceAll(/[-:T]|\.\d+/g, "")}`
  return moment.getUTCFullYear() < 2050
    ? derElement(0x17, Buffer.from(text.slice(2)))
    : derElement(0x18, Buffer.from(text))
}
