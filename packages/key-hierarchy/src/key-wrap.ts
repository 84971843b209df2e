import { createSecretKey, type KeyObject } from "node:crypto"
import type { RandomSource } from "@apeiro-cmk/plugin-interface"
import { commitmentLength, openSealedFields, type SealedFields, saltLength, sealCommitted } from "./committing-wrap.ts"
import { type Envelope, type EnvelopeHeader, type EnvelopeKind, encodeEnvelopeHeader } from "./envelope.ts"
import { keyLength, tagLength } from "./primitives.ts"

const labels: Record<EnvelopeKind, string> = {
  serviceKey: "apeiro-cmk/v1/service-key",
  dataKey: "apeiro-cmk/v1/data-key",
}

/** Wraps a key under its parent. @returns the envelope */
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

/** Has the shape of a wrap and opens under no key: what is refused by its header costs the same work as what is altered. */
const decoyWrap: SealedFields = {
  salt: new Uint8Array(saltLength),
  commitment: new Uint8Array(commitmentLength),
  ciphertext: new Uint8Array(keyLength),
  tag: new Uint8Array(tagLength),
}

/**
 * Opens an envelope under a parent, if it says of itself exactly what the caller expects.
 *
 * @param envelope - undefined for bytes that are no envelope
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
    return openSealedFields({ parent, label, header: encodeEnvelopeHeader(expected) }, decoyWrap)
  }
  return openSealedFields({ parent, label, header: envelope.headerBytes }, envelope.wrap)
}

/** Equal headers have equal bytes: each field has one spelling. */
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

/** As {@link unwrapKey}, for a key that stays in memory. The bytes in between are filled with zeros. */
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
