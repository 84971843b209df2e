import { isDeepStrictEqual } from "node:util"
import type { CallOptions, Logger } from "@apeiro-cmk/plugin-interface"
import * as z from "zod"
import type { DsmClient } from "./client.ts"
import { approvalPending, asksForApproval, dsmError, unexpectedAnswer } from "./errors.ts"
import type { DsmAnswer } from "./wire.ts"

/** A change of a key that a quorum may have to approve. */
export interface Change {
  readonly method: "POST" | "PATCH"
  readonly path: string
  /** JSON, without secrets. */
  readonly body: Readonly<Record<string, unknown>>
}

/** Makes changes, and asks for their approval where DSM wants one. */
export type MakeChange = (change: Change, call: CallOptions) => Promise<DsmAnswer>

const requestShape = z.object({
  request_id: z.guid(),
  status: z.enum(["PENDING", "APPROVED", "DENIED", "FAILED"]),
  operation: z.string(),
  method: z.string(),
  body: z.unknown(),
})
const resultShape = z.object({ status: z.int(), body: z.unknown() })

/**
 * Makes the {@link MakeChange}. Where a quorum has to approve, a request for it is made once and told by
 * `APPROVAL_PENDING`; the same call, made again after the approval, gives what came of it.
 *
 * @returns a function that rejects with APPROVAL_PENDING, DENIED and what a request throws
 */
export function createChanges(client: DsmClient, logger: Logger): MakeChange {
  /** What was told already, where DSM does not let a request be deleted. */
  const told = new Set<string>()

  async function send(method: "GET" | "POST" | "DELETE" | "PATCH", path: string, body: unknown, call: CallOptions) {
    const bytes = body === undefined ? {} : { body: Buffer.from(JSON.stringify(body)) }
    return client.request({ method, path, ...bytes }, call)
  }

  async function requestOf(change: Change, call: CallOptions): Promise<z.output<typeof requestShape> | undefined> {
    const answer = await send("GET", "/sys/v1/approval_requests", undefined, call)
    const read = answer.status === 200 ? z.array(requestShape).safeParse(answer.json) : undefined
    if (read?.success !== true) throw unexpectedAnswer(answer)
    return read.data.find(
      ({ request_id: id, method, operation, body }) =>
        method === change.method && operation === change.path && isDeepStrictEqual(body, change.body) && !told.has(id),
    )
  }

  async function ask(change: Change, call: CallOptions): Promise<string> {
    const { method, path: operation, body } = change
    const description = "Asked for by the key custody layer of the platform."
    const answer = await send("POST", "/sys/v1/approval_requests", { operation, method, body, description }, call)
    const made = requestShape.safeParse(answer.json)
    if (!made.success) throw answer.status === 403 ? dsmError("denied", answer) : unexpectedAnswer(answer)
    return made.data.request_id
  }

  async function end(id: string, call: CallOptions): Promise<void> {
    told.add(id)
    const answer = await send("DELETE", `/sys/v1/approval_requests/${id}`, undefined, call)
    if (answer.status >= 300) logger.info("An approval request that is done stays in DSM", { requestId: id })
  }

  return async (change, call) => {
    const answer = await send(change.method, change.path, change.body, call)
    if (!asksForApproval(answer)) return answer
    const request = await requestOf(change, call)
    if (request === undefined) throw approvalPending(await ask(change, call))
    const { request_id: id, status } = request
    if (status === "PENDING") throw approvalPending(id)
    if (status === "DENIED") {
      await end(id, call)
      throw dsmError("approvalDenied")
    }
    const outcome = await send("POST", `/sys/v1/approval_requests/${id}/result`, {}, call)
    const result = outcome.status === 200 ? resultShape.safeParse(outcome.json) : undefined
    if (result?.success !== true) throw unexpectedAnswer(outcome)
    await end(id, call)
    const { status: reached, body } = result.data
    const words = typeof body === "string" ? body : ""
    return { status: reached, json: reached < 300 ? body : undefined, words, secret: undefined }
  }
}
