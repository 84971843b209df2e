import type { HostCall } from "@apeiro-cmk/audit-log"
import type { KeyHierarchy } from "@apeiro-cmk/key-hierarchy"
import * as z from "zod"
import { document } from "../http/answer.ts"
import { problemDocument, problemOf } from "../http/problem.ts"
import { defineRoute, none } from "../http/route.ts"
import { base64Of, serviceKeyParameters } from "../schemas/common.ts"
import {
  batchDocument,
  type batchOperation,
  emptyDocument,
  envelopeDocument,
  generatedDataKey,
  rewrappedDataKey,
  unwrappedDataKey,
} from "../schemas/data-key.ts"
import { keystoreProblems } from "./keystore-problems.ts"

const problems = ["SERVICE_KEY_NOT_FOUND", "TENANT_KEY_MISSING", "KEY_STATE_FORBIDS", ...keystoreProblems] as const

/** Which service key, and on whose behalf. */
interface Work {
  readonly keys: KeyHierarchy
  readonly tenantId: string
  readonly serviceKey: string
  readonly call: HostCall
}

async function generate({ keys, tenantId, serviceKey, call }: Work): Promise<z.input<typeof generatedDataKey>> {
  const { plaintext, envelope, auditEntryId } = await keys.generateDataKey(tenantId, serviceKey, call)
  return { plaintext: takeText(plaintext), envelope: base64Of(envelope), audit_entry_id: auditEntryId }
}

async function unwrap(
  { keys, tenantId, serviceKey, call }: Work,
  envelope: string,
): Promise<z.input<typeof unwrappedDataKey>> {
  const { plaintext, auditEntryId } = await keys.unwrapDataKey(
    tenantId,
    serviceKey,
    Buffer.from(envelope, "base64"),
    call,
  )
  return { plaintext: takeText(plaintext), audit_entry_id: auditEntryId }
}

async function rewrap(
  { keys, tenantId, serviceKey, call }: Work,
  envelope: string,
): Promise<z.input<typeof rewrappedDataKey>> {
  const rewrapped = await keys.rewrapDataKey(tenantId, serviceKey, Buffer.from(envelope, "base64"), call)
  return { envelope: base64Of(rewrapped.envelope), audit_entry_id: rewrapped.auditEntryId }
}

/** JSON can only carry text: the bytes are gone at once, the text with the answer (SECURITY.md). */
function takeText(plaintext: Uint8Array): string {
  try {
    return base64Of(plaintext)
  } finally {
    plaintext.fill(0)
  }
}

/** Makes a data key. */
export const generateDataKey = defineRoute({
  method: "post",
  path: "/v1/tenants/{tenant_id}/service-keys/{service_key}/data-keys",
  summary: "Make a data key (L4)",
  description: "Nothing of it is stored, so there is no Idempotency-Key: a repeated request makes another key.",
  permission: "data_keys.use",
  params: serviceKeyParameters,
  query: none,
  body: emptyDocument,
  response: { status: 200, description: "The data key and its envelope", schema: generatedDataKey },
  problems,
  handler: async ({ params, call, services }) =>
    document(await generate({ keys: services.keys, tenantId: params.tenant_id, serviceKey: params.service_key, call })),
})

/** Opens an envelope. */
export const unwrapDataKey = defineRoute({
  method: "post",
  path: "/v1/tenants/{tenant_id}/service-keys/{service_key}/data-keys/unwrap",
  summary: "Open the envelope of a data key",
  permission: "data_keys.use",
  params: serviceKeyParameters,
  query: none,
  body: envelopeDocument,
  response: { status: 200, description: "The data key", schema: unwrappedDataKey },
  problems: ["CIPHERTEXT_REJECTED", ...problems],
  handler: async ({ params, body, call, services }) => {
    const work = { keys: services.keys, tenantId: params.tenant_id, serviceKey: params.service_key, call }
    return document(await unwrap(work, body.envelope))
  },
})

/** Wraps a data key anew. */
export const rewrapDataKey = defineRoute({
  method: "post",
  path: "/v1/tenants/{tenant_id}/service-keys/{service_key}/data-keys/rewrap",
  summary: "Wrap a data key under the newest version of its service key",
  permission: "data_keys.use",
  params: serviceKeyParameters,
  query: none,
  body: envelopeDocument,
  response: { status: 200, description: "The new envelope; the old one still opens", schema: rewrappedDataKey },
  problems: ["CIPHERTEXT_REJECTED", ...problems],
  handler: async ({ params, body, call, services }) => {
    const work = { keys: services.keys, tenantId: params.tenant_id, serviceKey: params.service_key, call }
    return document(await rewrap(work, body.envelope))
  },
})

const batchResult = z
  .union([
    z.strictObject({ generate: generatedDataKey }),
    z.strictObject({ unwrap: unwrappedDataKey }),
    z.strictObject({ rewrap: rewrappedDataKey }),
    z.strictObject({ problem: problemDocument }),
  ])
  .meta({ id: "BatchResult" })

const batchAnswer = z
  .strictObject({ results: z.array(batchResult).meta({ description: "One for each operation, in their order" }) })
  .meta({ id: "BatchAnswer" })

/** Does up to 100 operations; each succeeds or fails by itself. */
export const dataKeyBatch = defineRoute({
  method: "post",
  path: "/v1/tenants/{tenant_id}/service-keys/{service_key}/data-keys/batch",
  summary: "Up to 100 operations in one request",
  description: "Each operation succeeds or fails by itself; a failed one has a `problem` in its place.",
  permission: "data_keys.use",
  params: serviceKeyParameters,
  query: none,
  body: batchDocument,
  response: { status: 200, description: "One result for each operation", schema: batchAnswer },
  problems: [],
  timeoutMs: 20_000,
  handler: async ({ params, body, call, services }) => {
    const work = { keys: services.keys, tenantId: params.tenant_id, serviceKey: params.service_key, call }
    return document({ results: await Promise.all(body.operations.map((operation) => resultOf(work, operation))) })
  },
})

type Operation = z.output<typeof batchOperation>

async function resultOf(work: Work, operation: Operation): Promise<z.input<typeof batchResult>> {
  try {
    if ("generate" in operation) return { generate: await generate(work) }
    if ("unwrap" in operation) return { unwrap: await unwrap(work, operation.unwrap.envelope) }
    return { rewrap: await rewrap(work, operation.rewrap.envelope) }
  } catch (error) {
    return { problem: problemOf(error, work.call.requestId) }
  }
}
