import { emptyDocument, serviceKeyParameters } from "../../fields.ts"
import { defineRoute, none } from "../../pipeline/route.ts"
import { keystoreProblems } from "../keystore-problems.ts"
import { answerOf, answerOfBatch, generate, rewrap, unwrap } from "./operations.ts"
import {
  batchAnswer,
  batchDocument,
  envelopeDocument,
  generatedDataKey,
  rewrappedDataKey,
  unwrappedDataKey,
} from "./schemas.ts"

const problems = [
  "SERVICE_KEY_NOT_FOUND",
  "TENANT_KEY_MISSING",
  "KEY_STATE_FORBIDS",
  "LEASE_ENDED",
  ...keystoreProblems,
] as const

/** Makes a data key. */
export const generateDataKey = defineRoute({
  method: "post",
  path: "/v1/tenants/{tenant_id}/service-keys/{service_key}/data-keys",
  summary: "Make a data key (L4)",
  description: "The host stores nothing of it, so there is no Idempotency-Key: a repeated request makes another key.",
  permission: "data_keys.use",
  params: serviceKeyParameters,
  query: none,
  body: emptyDocument,
  response: { status: 200, description: "The data key and its envelope", schema: generatedDataKey },
  problems,
  handler: async ({ params, call, services }) =>
    answerOf(generate({ keys: services.keys, tenantId: params.tenant_id, serviceKey: params.service_key, call })),
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
    return answerOf(unwrap(work, body.envelope))
  },
})

/** Wraps a data key again. */
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
    return answerOf(rewrap(work, body.envelope))
  },
})

/** Work of one operation of a batch, in data keys made by a request each. */
const operationUnits = 0.1

/** Does up to 100 operations; each succeeds or fails on its own. */
export const dataKeyBatch = defineRoute({
  method: "post",
  path: "/v1/tenants/{tenant_id}/service-keys/{service_key}/data-keys/batch",
  summary: "Up to 100 operations in one request",
  description: "Each operation succeeds or fails on its own; a failed one has a `problem` as its result.",
  permission: "data_keys.use",
  params: serviceKeyParameters,
  query: none,
  body: batchDocument,
  response: { status: 200, description: "One result for each operation", schema: batchAnswer },
  problems: [],
  timeoutMs: 20_000,
  workUnits: ({ body }) => body.operations.length * operationUnits,
  handler: async ({ params, body, call, services }) => {
    const work = { keys: services.keys, tenantId: params.tenant_id, serviceKey: params.service_key, call }
    return answerOfBatch(work, body.operations)
  },
})
