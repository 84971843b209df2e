/** Longest field that a 16-bit length can announce, in bytes. */
const maximumFieldLength = 0xffff

/**
 * Joins fields so that different lists of fields yield different bytes: the length of each, 16 bits, big endian, precedes
 * it. Text is UTF-8.
 *
 * @throws {RangeError} a field is longer than 65,535 bytes
 */
export function joinFields(fields: readonly (Uint8Array | string)[]): Uint8Array {
  let length = 0
  for (const field of fields) length += 2 + lengthOf(field)
  const joined = Buffer.allocUnsafe(length)
  let offset = 0
  for (const field of fields) {
    const fieldLength = lengthOf(field)
    if (fieldLength > maximumFieldLength) throw new RangeError(`a field has at most ${maximumFieldLength} bytes`)
    offset = joined.writeUInt16BE(fieldLength, offset)
    if (typeof field === "string") joined.write(field, offset, "utf8")
    else joined.set(field, offset)
    offset += fieldLength
  }
  return joined
}

function lengthOf(field: Uint8Array | string): number {
  return typeof field === "string" ? Buffer.byteLength(field, "utf8") : field.length
}

/** Reads the fields of a format one after the other. Each method returns undefined where the bytes end too early. */
export class FieldReader {
  readonly #bytes: Buffer
  #offset = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  /** Offset of the next byte to read. */
  get offset(): number {
    return this.#offset
  }

  /** Whether every byte has been read. */
  get atEnd(): boolean {
    return this.#offset === this.#bytes.length
  }

  /** Reads bytes as they are: a view, not a copy. */
  bytes(length: number): Buffer | undefined {
    if (!this.#has(length)) return undefined
    const start = this.#advance(length)
    return this.#bytes.subarray(start, this.#offset)
  }

  /** Reads an unsigned integer of 8 bits. */
  unsigned8(): number | undefined {
    return this.#has(1) ? this.#bytes.readUInt8(this.#advance(1)) : undefined
  }

  /** Reads an unsigned integer of 16 bits, big endian. */
  unsigned16(): number | undefined {
    return this.#has(2) ? this.#bytes.readUInt16BE(this.#advance(2)) : undefined
  }

  /** Reads an unsigned integer of 32 bits, big endian. */
  unsigned32(): number | undefined {
    return this.#has(4) ? this.#bytes.readUInt32BE(this.#advance(4)) : undefined
  }

  /** Reads a field of Latin-1 text. */
  text(): string | undefined {
    const length = this.unsigned16()
    if (length === undefined || !this.#has(length)) return undefined
    const start = this.#advance(length)
    return this.#bytes.toString("latin1", start, this.#offset)
  }

  /** Reads a field of at most 65,535 bytes, as {@link joinFields} writes it: a view, not a copy. */
  field(): Buffer | undefined {
    const length = this.unsigned16()
    return length === undefined ? undefined : this.bytes(length)
  }

  #has(length: number): boolean {
    return this.#bytes.length - this.#offset >= length
  }

  /** @returns the offset before the step */
  #advance(length: number): number {
    this.#offset += length
    return this.#offset - length
  }
}
