import { createSecretKey, type KeyObject } from "node:crypto"
import {
  commitmentLength,
  keyLength,
  openSealedFields,
  type SealedFields,
  saltLength,
  sealCommitted,
  tagLength,
  WrapError,
  type WrapParameters,
} from "@apeiro-cmk/committing-wrap"
import type { RandomSource } from "@apeiro-cmk/plugin-interface"
import { type Envelope, type EnvelopeHeader, type EnvelopeKind, encodeEnvelopeHeader } from "./envelope.ts"
import { ciphertextRejected } from "./error.ts"

const labels: Record<EnvelopeKind, string> = {
  serviceKey: "apeiro-cmk/v1/service-key",
  dataKey: "apeiro-cmk/v1/data-key",
}

/** Wraps a key under its parent. @returns its envelope */
export function wrapKey(
  parent: KeyObject | Uint8Array,
  header: EnvelopeHeader,
  plaintext: Uint8Array,
  random: RandomSource,
): Uint8Array {
  const headerBytes = encodeEnvelopeHeader(header)
  const sealed = sealCommitted({ parent, label: labels[header.kind], header: headerBytes, plaintext, random })
  return Buffer.concat([headerBytes, sealed])
}

/** Has the shape of a wrap and opens under no key, so that refusing a header costs the same work as refusing a wrap. */
const decoyWrap: SealedFields = {
  salt: new Uint8Array(saltLength),
  commitment: new Uint8Array(commitmentLength),
  ciphertext: new Uint8Array(keyLength),
  tag: new Uint8Array(tagLength),
}

/**
 * Opens an envelope under a parent, if its header is exactly the one that the caller expects.
 *
 * @param envelope - undefined for bytes that are not an envelope
 * @returns the key; the caller fills it with zeros after use
 * @throws {KeyHierarchyError} CIPHERTEXT_REJECTED - for every reason
 */
export function unwrapKey(
  parent: KeyObject | Uint8Array,
  expected: EnvelopeHeader,
  envelope: Envelope | undefined,
): Uint8Array {
  const label = labels[expected.kind]
  if (envelope === undefined || !isSameHeader(envelope.header, expected)) {
    return openFields({ parent, label, header: encodeEnvelopeHeader(expected) }, decoyWrap)
  }
  return openFields({ parent, label, header: envelope.headerBytes }, envelope.wrap)
}

/** Opens a wrap; a refusal becomes the hierarchy's own error, which speaks of the envelope. */
function openFields(parameters: WrapParameters, fields: SealedFields): Uint8Array {
  try {
    return openSealedFields(parameters, fields)
  } catch (error) {
    throw error instanceof WrapError ? ciphertextRejected() : error
  }
}

/** Compares headers. Equal headers have equal bytes, since each field has one spelling. */
function isSameHeader(header: EnvelopeHeader, other: EnvelopeHeader): boolean {
  return (
    header.kind === other.kind &&
    header.tenantId === other.tenantId &&
    header.keyId === other.keyId &&
    header.keyVersion === other.keyVersion &&
    header.parentKeyId === other.parentKeyId &&
    header.parentKeyVersion === other.parentKeyVersion
  )
}

/** Opens an envelope as {@link unwrapKey} does, into a key object. Fills the bytes in between with zeros. */
export function unwrapKeyObject(
  parent: KeyObject,
  expected: EnvelopeHeader,
  envelope: Envelope | undefined,
): KeyObject {
  const plaintext = unwrapKey(parent, expected, envelope)
  try {
    return createSecretKey(plaintext)
  } finally {
    plaintext.fill(0)
  }
}
