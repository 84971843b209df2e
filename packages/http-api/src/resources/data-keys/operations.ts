import type { HostCall } from "@apeiro-cmk/host-call"
import type { KeyHierarchy } from "@apeiro-cmk/key-hierarchy"
import type * as z from "zod"
import { base64Of } from "../../fields.ts"
import { problemOf } from "../../problems/problem.ts"
import type { batchOperation, batchResult, generatedDataKey, rewrappedDataKey, unwrappedDataKey } from "./schemas.ts"

/** Work with the data keys of one service key, on behalf of a caller. */
export interface DataKeyWork {
  readonly keys: KeyHierarchy
  readonly tenantId: string
  readonly serviceKey: string
  readonly call: HostCall
}

/** Makes a data key. */
export async function generate({
  keys,
  tenantId,
  serviceKey,
  call,
}: DataKeyWork): Promise<z.input<typeof generatedDataKey>> {
  const { plaintext, envelope, auditEntryId } = await keys.generateDataKey(tenantId, serviceKey, call)
  return { plaintext: takeText(plaintext), envelope: base64Of(envelope), audit_entry_id: auditEntryId }
}

/** Opens an envelope. */
export async function unwrap(
  { keys, tenantId, serviceKey, call }: DataKeyWork,
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

/** Wraps the data key of an envelope under the newest version of its service key. */
export async function rewrap(
  { keys, tenantId, serviceKey, call }: DataKeyWork,
  envelope: string,
): Promise<z.input<typeof rewrappedDataKey>> {
  const rewrapped = await keys.rewrapDataKey(tenantId, serviceKey, Buffer.from(envelope, "base64"), call)
  return { envelope: base64Of(rewrapped.envelope), audit_entry_id: rewrapped.auditEntryId }
}

/** Encodes a plaintext. JSON carries only text: the bytes are erased at once, the text goes with the answer (SECURITY.md). */
function takeText(plaintext: Uint8Array): string {
  try {
    return base64Of(plaintext)
  } finally {
    plaintext.fill(0)
  }
}

type Operation = z.output<typeof batchOperation>

/** Does one operation of a batch; its failure is a problem in the result. */
export async function resultOf(work: DataKeyWork, operation: Operation): Promise<z.input<typeof batchResult>> {
  try {
    if ("generate" in operation) return { generate: await generate(work) }
    if ("unwrap" in operation) return { unwrap: await unwrap(work, operation.unwrap.envelope) }
    return { rewrap: await rewrap(work, operation.rewrap.envelope) }
  } catch (error) {
    return { problem: problemOf(error, work.call.requestId) }
  }
}
