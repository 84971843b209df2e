import * as z from "zod"
import { base64, emptyDocument } from "../../fields.ts"
import { problemDocument } from "../../problems/problem-document.ts"

const envelope = base64.meta({ description: "Envelope of a data key, as docs/envelope.md specifies it" })
const plaintext = z.string().meta({ format: "byte", description: "The data key, 32 bytes in standard base64" })
const auditEntryId = z.string().meta({ description: "Entry of the audit log for this operation" })

/** An envelope to open or to rewrap. */
export const envelopeDocument = z.strictObject({ envelope }).meta({ id: "EnvelopeDocument" })

/** A new data key: its user forgets the plaintext after use and keeps the envelope. */
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

/** Largest number of operations in one batch. */
export const largestBatch = 100

/** One operation: an object with one key, which names it. */
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

/** Result of one operation of a batch. */
export const batchResult = z
  .union([
    z.strictObject({ generate: generatedDataKey }),
    z.strictObject({ unwrap: unwrappedDataKey }),
    z.strictObject({ rewrap: rewrappedDataKey }),
    z.strictObject({ problem: problemDocument }),
  ])
  .meta({ id: "BatchResult" })

/** Results of a batch. */
export const batchAnswer = z
  .strictObject({ results: z.array(batchResult).meta({ description: "One for each operation, in the same order" }) })
  .meta({ id: "BatchAnswer" })
