import { setImmediate as othersTurn } from "node:timers/promises"
import type { HostCall } from "@apeiro-cmk/host-call"
import {
  type GeneratedDataKey,
  giveTogether,
  type KeyHierarchy,
  type LeasedAnswer,
  type RewrappedDataKey,
  type UnwrappedDataKey,
} from "@apeiro-cmk/key-hierarchy"
import type * as z from "zod"
import { base64Of } from "../../fields.ts"
import { type Answer, leased } from "../../pipeline/answer.ts"
import { problemOf } from "../../problems/problem.ts"
import type {
  batchAnswer,
  batchOperation,
  batchResult,
  generatedDataKey,
  rewrappedDataKey,
  unwrappedDataKey,
} from "./schemas.ts"

/** Work with the data keys of one service key, on behalf of a caller. */
export interface DataKeyWork {
  readonly keys: KeyHierarchy
  readonly tenantId: string
  readonly serviceKey: string
  readonly call: HostCall
}

/**
 * Answers with one result, if its tenant key is still leased when the answer is sent. JSON carries only text: the bytes are
 * erased with the answer, the text goes with it (SECURITY.md).
 */
export async function answerOf<Body>(pending: Promise<LeasedAnswer<Body>>): Promise<Answer<Body>> {
  const answer = await pending
  return leased((prepare) =>
    giveTogether([{ status: "fulfilled", value: answer }], ([outcome]) => {
      if (outcome?.status !== "fulfilled") throw outcome?.reason
      return prepare(outcome.value)
    }),
  )
}

/** Makes a data key. */
export async function generate({ keys, tenantId, serviceKey, call }: DataKeyWork) {
  return (await keys.generateDataKey(tenantId, serviceKey, call)).as(generated)
}

/** Opens an envelope. */
export async function unwrap({ keys, tenantId, serviceKey, call }: DataKeyWork, envelope: string) {
  return (await keys.unwrapDataKey(tenantId, serviceKey, Buffer.from(envelope, "base64"), call)).as(unwrapped)
}

/** Wraps the data key of an envelope under the newest version of its service key. */
export async function rewrap({ keys, tenantId, serviceKey, call }: DataKeyWork, envelope: string) {
  return (await keys.rewrapDataKey(tenantId, serviceKey, Buffer.from(envelope, "base64"), call)).as(rewrapped)
}

/**
 * Does the operations of a batch. A failure is a problem in its result, and so is the refusal of a result whose tenant key
 * is no longer leased when the whole batch is sent.
 */
export async function answerOfBatch(
  work: DataKeyWork,
  operations: readonly Operation[],
): Promise<Answer<z.input<typeof batchAnswer>>> {
  const settled = await settledResults(work, operations)
  return leased((prepare) =>
    giveTogether(settled, (outcomes) =>
      prepare({
        results: outcomes.map((outcome) =>
          outcome.status === "fulfilled" ? outcome.value : { problem: problemOf(outcome.reason, work.call.requestId) },
        ),
      }),
    ),
  )
}

/** Begins some operations at a time, so that other tenants' requests have their turns. */
async function settledResults(
  work: DataKeyWork,
  operations: readonly Operation[],
): Promise<readonly PromiseSettledResult<LeasedAnswer<Result>>[]> {
  const groups: Promise<readonly PromiseSettledResult<LeasedAnswer<Result>>[]>[] = []
  for (let start = 0; start < operations.length; start += operationsAtOnce) {
    if (start > 0) await othersTurn()
    const group = operations.slice(start, start + operationsAtOnce)
    groups.push(Promise.allSettled(group.map((operation) => resultOf(work, operation))))
  }
  return (await Promise.all(groups)).flat()
}

const operationsAtOnce = 10

type Operation = z.output<typeof batchOperation>
type Result = z.input<typeof batchResult>

async function resultOf(work: DataKeyWork, operation: Operation): Promise<LeasedAnswer<Result>> {
  if ("generate" in operation) return (await generate(work)).as((made): Result => ({ generate: made }))
  if ("unwrap" in operation) {
    return (await unwrap(work, operation.unwrap.envelope)).as((opened): Result => ({ unwrap: opened }))
  }
  return (await rewrap(work, operation.rewrap.envelope)).as((wrapped): Result => ({ rewrap: wrapped }))
}

function generated({ plaintext, envelope, auditEntryId }: GeneratedDataKey): z.input<typeof generatedDataKey> {
  return { plaintext: base64Of(plaintext), envelope: base64Of(envelope), audit_entry_id: auditEntryId }
}

function unwrapped({ plaintext, auditEntryId }: UnwrappedDataKey): z.input<typeof unwrappedDataKey> {
  return { plaintext: base64Of(plaintext), audit_entry_id: auditEntryId }
}

function rewrapped({ envelope, auditEntryId }: RewrappedDataKey): z.input<typeof rewrappedDataKey> {
  return { envelope: base64Of(envelope), audit_entry_id: auditEntryId }
}
