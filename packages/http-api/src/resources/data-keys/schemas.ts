import * as z from "zod"
import { base64, moment, serviceKeyName } from "./common.ts"

/** A new service key. */
export const serviceKeyDocument = z.strictObject({ name: serviceKeyName }).meta({ id: "ServiceKeyDocument" })

/** A service key (L3) as it reads back. */
export const serviceKeyAnswer = z
  .strictObject({
    name: serviceKeyName,
    service_key_id: z.string(),
    version: z.int(),
    state: z.string(),
    parent: z
      .strictObject({ key_id: z.string(), version: z.int() })
      .meta({ description: "The tenant key (L2) that wraps it" }),
    created_at: moment,
  })
  .meta({ id: "ServiceKey" })

/** All service keys of a tenant. */
export const serviceKeyList = z.strictObject({ service_keys: z.array(serviceKeyAnswer) }).meta({ id: "ServiceKeyList" })

const envelope = base64.meta({ description: "Envelope of a data key, as docs/envelope.md says" })
const plaintext = z.string().meta({ format: "byte", description: "The data key, 32 bytes in standard base64" })
const auditEntryId = z.string().meta({ description: "The entry of the audit log that tells of this operation" })

/** Nothing to say. */
export const emptyDocument = z.strictObject({}).meta({ id: "Empty" })

/** An envelope to open or to wrap anew. */
export const envelopeDocument = z.strictObject({ envelope }).meta({ id: "EnvelopeDocument" })

/** A new data key: use the plaintext and forget it, keep the envelope. */
export const generatedDataKey = z
  .strictObject({ plaintext, envelope: z.string(), audit_entry_id: auditEntryId })
  .meta({ id: "GeneratedDataKey" })

/** An opened data key. */
export const unwrappedDataKey = z
  .strictObject({ plaintext, audit_entry_id: auditEntryId })
  .meta({ id: "UnwrappedDataKey" })

/** A data key under the newest version of its service key. */
export const rewrappedDataKey = z
  .strictObject({ envelope: z.string(), audit_entry_id: auditEntryId })
  .meta({ id: "RewrappedDataKey" })

/** Most operations in one batch. */
export const largestBatch = 100

/** Each operation is an object with one key that names it. */
export const batchOperation = z
  .union([
    z.strictObject({ generate: emptyDocument }),
    z.strictObject({ unwrap: envelopeDocument }),
    z.strictObject({ rewrap: envelopeDocument }),
  ])
  .meta({ id: "BatchOperation" })

/** Several operations at once. */
export const batchDocument = z
  .strictObject({ operations: z.array(batchOperation).min(1).max(largestBatch) })
  .meta({ id: "BatchDocument" })
