import type { JsonValue } from "@apeiro-cmk/plugin-interface"
import canonicalize from "canonicalize"
import { leafInvalid } from "./error.ts"
import type { AuditActor, AuditEvent } from "./event.ts"
import { checkLeaf, type LeafDocument, type LeafOrigin, leafFormat } from "./leaf-document.ts"

/** Maximum length of a leaf, in bytes. */
export const maxLeafBytes = 65_536

/** Facts that the recorder adds to an event. */
export interface LeafStamp {
  /** UUIDv7. */
  readonly entryId: string
  /** Milliseconds since the Unix epoch, a whole number. */
  readonly recordedAtMs: number
  /** Name of the host replica that recorded it. */
  readonly replica: string
}

/**
 * A decoded leaf. Actor types, actions and resource types are text here: a later release may add some, and a log that
 * contains them must still be verifiable. A leaf of format v1 says `keystore` where later formats say `backend`.
 */
export interface AuditLeaf extends LeafStamp, Omit<AuditEvent, "actor" | "action" | "resource" | "origin"> {
  readonly actor: { readonly type: AuditActor["type"] | (string & {}); readonly id: string }
  readonly action: AuditEvent["action"] | (string & {})
  readonly resource: {
    readonly type: AuditEvent["resource"]["type"] | (string & {})
    readonly id: string
    readonly version?: string
  }
  readonly origin?: LeafOrigin
  readonly facts?: Readonly<Record<string, JsonValue>>
}

/**
 * Encodes an event as the exact bytes of its leaf: RFC 8785 JSON as specified in docs/audit-format.md, at most
 * {@link maxLeafBytes}.
 * @throws {AuditError} AUDIT_LEAF_INVALID - the format cannot represent the event, which must then not be answered
 */
export function encodeLeaf(event: AuditEvent, stamp: LeafStamp): Uint8Array {
  const document: LeafDocument = {
    format: leafFormat,
    entry_id: stamp.entryId,
    tenant_id: event.tenantId,
    recorded_at_ms: stamp.recordedAtMs,
    replica: stamp.replica,
    actor: { type: event.actor.type, id: event.actor.id },
    action: event.action,
    resource: {
      type: event.resource.type,
      id: event.resource.id,
      ...(event.resource.version === undefined ? {} : { version: event.resource.version }),
    },
    outcome: event.outcome,
    ...(event.code === undefined ? {} : { code: event.code }),
    ...(event.origin === undefined ? {} : { origin: event.origin }),
    ...(event.keystoreId === undefined ? {} : { keystore_id: event.keystoreId }),
    ...(event.requestId === undefined ? {} : { request_id: event.requestId }),
    ...(event.traceId === undefined ? {} : { trace_id: event.traceId }),
    ...(event.backendRequestId === undefined ? {} : { backend_request_id: event.backendRequestId }),
    ...(event.facts === undefined ? {} : { facts: event.facts }),
  }
  checkLeaf(document)
  const bytes = new TextEncoder().encode(canonicalText(document))
  if (bytes.length > maxLeafBytes) throw leafInvalid(`The ${event.action} entry has ${bytes.length} bytes.`)
  return bytes
}

/**
 * Decodes a leaf of any format strictly: only the members of that format, and only RFC 8785 bytes.
 * @throws {AuditError} AUDIT_LEAF_INVALID - names the member that violates the format
 */
export function decodeLeaf(bytes: Uint8Array): AuditLeaf {
  if (bytes.length > maxLeafBytes) throw leafInvalid(`A leaf has at most ${maxLeafBytes} bytes, not ${bytes.length}.`)
  const { text, value } = parse(bytes)
  checkLeaf(value)
  if (canonicalText(value) !== text) throw leafInvalid("The leaf is not in the canonical form of RFC 8785.")
  const { version } = value.resource
  return {
    entryId: value.entry_id,
    tenantId: value.tenant_id,
    recordedAtMs: value.recorded_at_ms,
    replica: value.replica,
    actor: value.actor,
    action: value.action,
    resource: { type: value.resource.type, id: value.resource.id, ...(version === undefined ? {} : { version }) },
    outcome: value.outcome,
    ...(value.code === undefined ? {} : { code: value.code }),
    ...(value.origin === undefined ? {} : { origin: value.origin }),
    ...(value.keystore_id === undefined ? {} : { keystoreId: value.keystore_id }),
    ...(value.request_id === undefined ? {} : { requestId: value.request_id }),
    ...(value.trace_id === undefined ? {} : { traceId: value.trace_id }),
    ...(value.backend_request_id === undefined ? {} : { backendRequestId: value.backend_request_id }),
    ...(value.facts === undefined ? {} : { facts: value.facts }),
  }
}

function parse(bytes: Uint8Array): { readonly text: string; readonly value: unknown } {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes)
    const value: unknown = JSON.parse(text)
    return { text, value }
  } catch (cause) {
    throw leafInvalid("The leaf is not JSON in UTF-8.", cause)
  }
}

function canonicalText(document: LeafDocument): string {
  try {
    return canonicalize(document) ?? ""
  } catch (cause) {
    throw leafInvalid("The entry contains a number or text that JSON cannot represent.", cause)
  }
}
