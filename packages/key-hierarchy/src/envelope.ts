import { FieldReader, keyLength, parseSealed, type SealedFields } from "@apeiro-cmk/committing-wrap"

/** Kind of the wrapped key. `serviceKey`: an L3 under an L2. `dataKey`: an L4 under an L3. */
export type EnvelopeKind = "serviceKey" | "dataKey"

/** Header of an envelope; the wrap is bound to all of it. */
export interface EnvelopeHeader {
  readonly kind: EnvelopeKind
  readonly tenantId: string
  /** Id of the wrapped key, UUIDv7. */
  readonly keyId: string
  /** From 1. */
  readonly keyVersion: number
  /** Id of the wrapping key: of the tenant key for a service key, of the service key for a data key. */
  readonly parentKeyId: string
  /** From 1. */
  readonly parentKeyVersion: number
}

/** A decoded envelope. */
export interface Envelope {
  readonly header: EnvelopeHeader
  /** Bytes of the header, as in the envelope. */
  readonly headerBytes: Uint8Array
  /** Fields of the wrap. */
  readonly wrap: SealedFields
}

/** Longest envelope, in bytes. */
export const maximumEnvelopeLength = 1024
/** `ACMK`. */
const magic = 0x41_43_4d_4b
const formatVersion = 1
const kindCodes = { serviceKey: 1, dataKey: 2 } as const
const kinds = new Map<number, EnvelopeKind>([
  [kindCodes.serviceKey, "serviceKey"],
  [kindCodes.dataKey, "dataKey"],
])
const maximumVersion = 0xffff_ffff
/** Ids are 1 to 64 printable ASCII characters without spaces, as every tenant id and every UUID is. */
const idPattern = /^[\x21-\x7e]{1,64}$/

/**
 * Encodes a header as specified in docs/envelope.md.
 * @throws {RangeError} an id or a version is out of bounds
 */
export function encodeEnvelopeHeader(header: EnvelopeHeader): Uint8Array {
  const { tenantId, keyId, keyVersion, parentKeyId, parentKeyVersion } = header
  for (const id of [tenantId, keyId, parentKeyId]) {
    if (!idPattern.test(id)) throw new RangeError("an id in an envelope has 1 to 64 printable ASCII characters")
  }
  for (const version of [keyVersion, parentKeyVersion]) {
    if (!Number.isInteger(version) || version < 1 || version > maximumVersion) {
      throw new RangeError(`a version in an envelope is 1 to ${maximumVersion}`)
    }
  }
  const bytes = Buffer.allocUnsafe(20 + tenantId.length + keyId.length + parentKeyId.length)
  let offset = bytes.writeUInt32BE(magic, 0)
  offset = bytes.writeUInt8(formatVersion, offset)
  offset = bytes.writeUInt8(kindCodes[header.kind], offset)
  offset = writeId(bytes, tenantId, offset)
  offset = writeId(bytes, keyId, offset)
  offset = bytes.writeUInt32BE(keyVersion, offset)
  offset = writeId(bytes, parentKeyId, offset)
  bytes.writeUInt32BE(parentKeyVersion, offset)
  return bytes
}

/**
 * Joins a header and a wrap into an envelope.
 * @throws {RangeError} the header is out of bounds, or the wrap does not hold 32 bytes
 */
export function encodeEnvelope(header: EnvelopeHeader, sealed: Uint8Array): Uint8Array {
  if (parseSealed(sealed)?.ciphertext.length !== keyLength)
    throw new RangeError("an envelope holds the wrap of one key")
  return Buffer.concat([encodeEnvelopeHeader(header), sealed])
}

/**
 * Decodes an envelope without opening it. Trust nothing in it before `unwrapKey` has accepted it.
 *
 * @returns undefined where the bytes are not an envelope: another magic, format version or kind, an id or length out of
 * bounds, truncated, extended, or longer than 1 KiB
 */
export function decodeEnvelope(bytes: Uint8Array): Envelope | undefined {
  if (bytes.length > maximumEnvelopeLength) return undefined
  const reader = new FieldReader(bytes)
  if (reader.unsigned32() !== magic || reader.unsigned8() !== formatVersion) return undefined
  const kind = kinds.get(reader.unsigned8() ?? 0)
  const tenantId = readId(reader)
  const keyId = readId(reader)
  const keyVersion = readVersion(reader)
  const parentKeyId = readId(reader)
  const parentKeyVersion = readVersion(reader)
  if (kind === undefined || tenantId === undefined || keyId === undefined || parentKeyId === undefined) return undefined
  if (keyVersion === undefined || parentKeyVersion === undefined) return undefined
  const wrap = parseSealed(bytes.subarray(reader.offset))
  if (wrap?.ciphertext.length !== keyLength) return undefined
  const header = { kind, tenantId, keyId, keyVersion, parentKeyId, parentKeyVersion }
  return { header, headerBytes: bytes.subarray(0, reader.offset), wrap }
}

function writeId(bytes: Buffer, id: string, offset: number): number {
  const start = bytes.writeUInt16BE(id.length, offset)
  return start + bytes.write(id, start, "latin1")
}

function readId(reader: FieldReader): string | undefined {
  const id = reader.text()
  return id !== undefined && idPattern.test(id) ? id : undefined
}

function readVersion(reader: FieldReader): number | undefined {
  const version = reader.unsigned32()
  return version === 0 ? undefined : version
}
