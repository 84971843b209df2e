import { isDeepStrictEqual } from "node:util"
import type { CallOptions, Logger } from "@apeiro-cmk/plugin-interface"
import * as z from "zod"
import type { DsmClient } from "./client.ts"
import { approvalPending, asksForApproval, dsmError, unexpectedAnswer } from "./errors.ts"
import type { DsmAnswer, DsmRequest } from "./messages.ts"

/** A change to a key, which a quorum may have to approve. */
export interface Change {
  readonly method: "POST" | "PATCH"
  readonly path: string
  /** JSON, without secrets. */
  readonly body: Readonly<Record<string, unknown>>
}

const requestShape = z.object({
  request_id: z.guid(),
  status: z.enum(["PENDING", "APPROVED", "DENIED", "FAILED"]),
  operation: z.string(),
  method: z.string(),
  body: z.unknown(),
})
const resultShape = z.object({ status: z.int(), body: z.unknown() })

type ApprovalRequest = z.output<typeof requestShape>

/** Most requests that are remembered as reported, the newest ones. */
const mostReported = 1_000

/** Makes changes to keys, and asks for their approval where DSM requires one. */
export class Changes {
  readonly #client: DsmClient
  readonly #logger: Logger
  /** Requests whose outcome was reported already, for where DSM does not let a request be deleted. */
  readonly #reported = new Set<string>()

  constructor(client: DsmClient, logger: Logger) {
    this.#client = client
    this.#logger = logger
  }

  /**
   * Makes a change. Where a quorum has to approve it, the first call creates one approval request; the same call, made
   * again after the approval, returns the outcome.
   *
   * @throws {PluginError} APPROVAL_PENDING, DENIED, and every failure of a request
   */
  async make(change: Change, call: CallOptions): Promise<DsmAnswer> {
    const answer = await this.#send(change.method, change.path, change.body, call)
    if (!asksForApproval(answer)) return answer
    const request = await this.#find(change, call)
    if (request === undefined) throw approvalPending(await this.#ask(change, call))
    const { request_id: id, status } = request
    if (status === "PENDING") throw approvalPending(id)
    if (status === "DENIED") {
      await this.#end(id, call)
      throw dsmError("approvalDenied")
    }
    const outcome = await this.#send("POST", `/sys/v1/approval_requests/${id}/result`, {}, call)
    const result = outcome.status === 200 ? resultShape.safeParse(outcome.json) : undefined
    if (result?.success !== true) throw unexpectedAnswer(outcome)
    await this.#end(id, call)
    const { status: reached, body } = result.data
    const words = typeof body === "string" ? body : ""
    return { status: reached, json: reached < 300 ? body : undefined, words, secret: undefined }
  }

  async #find(change: Change, call: CallOptions): Promise<ApprovalRequest | undefined> {
    const answer = await this.#send("GET", "/sys/v1/approval_requests", undefined, call)
    const read = answer.status === 200 ? z.array(requestShape).safeParse(answer.json) : undefined
    if (read?.success !== true) throw unexpectedAnswer(answer)
    const isSame = ({ method, operation, body }: ApprovalRequest) =>
      method === change.method && operation === change.path && isDeepStrictEqual(body, change.body)
    return read.data.find((request) => isSame(request) && !this.#reported.has(request.request_id))
  }

  async #ask({ method, path: operation, body }: Change, call: CallOptions): Promise<string> {
    const description = "Requested by the key custody layer of the platform."
    const request = { operation, method, body, description }
    const answer = await this.#send("POST", "/sys/v1/approval_requests", request, call)
    const made = requestShape.safeParse(answer.json)
    if (!made.success) throw answer.status === 403 ? dsmError("denied", answer) : unexpectedAnswer(answer)
    return made.data.request_id
  }

  async #end(id: string, call: CallOptions): Promise<void> {
    this.#reported.add(id)
    const [oldest] = this.#reported
    if (oldest !== undefined && this.#reported.size > mostReported) this.#reported.delete(oldest)
    const answer = await this.#send("DELETE", `/sys/v1/approval_requests/${id}`, undefined, call)
    if (answer.status >= 300) this.#logger.info("A completed approval request stays in DSM", { requestId: id })
  }

  async #send(method: DsmRequest["method"], path: string, body: unknown, call: CallOptions): Promise<DsmAnswer> {
    const bytes = body === undefined ? {} : { body: Buffer.from(JSON.stringify(body)) }
    return this.#client.request({ method, path, ...bytes }, call)
  }
}
