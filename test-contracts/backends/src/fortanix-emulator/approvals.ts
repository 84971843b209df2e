import { randomUUID } from "node:crypto"
import * as z from "zod"
import type { ApprovalRequest } from "./approval-request.ts"
import { badRequest, notFound } from "./dsm-error.ts"
import { dsmTime } from "./key-object.ts"
import { bodyOf, type DsmRequest, type Routes } from "./route.ts"

const requestShape = z.object({
  operation: z.string().startsWith("/"),
  method: z.string(),
  body: z.unknown(),
  description: z.string().nullish(),
})

const lifeMs = 30 * 24 * 3_600_000

/** Approval requests, as the requesting app sees them. An administrator approves them by a method of the emulator. */
export const approvalRoutes: Routes = {
  "POST /sys/v1/approval_requests": (request) => {
    const { account, app } = request
    const { operation, method, body, description } = bodyOf(requestShape, request.body)
    const made: ApprovalRequest = {
      ...{ id: randomUUID(), requesterApp: app.id, createdAtMs: account.nowMs(), operation, method, body },
      ...{ description: description ?? undefined, status: "PENDING", result: undefined },
    }
    account.approvals.set(made.id, made)
    return approvalDocument(made, account.id)
  },
  "GET /sys/v1/approval_requests": ({ account, app, query }) =>
    [...account.approvals.values()]
      .filter((each) => each.requesterApp === app.id)
      .filter((each) => !query.has("status") || query.get("status") === each.status)
      .map((each) => approvalDocument(each, account.id)),
  "GET /sys/v1/approval_requests/{id}": (request) => approvalDocument(own(request), request.account.id),
  "DELETE /sys/v1/approval_requests/{id}": (request) => {
    request.account.approvals.delete(own(request).id)
  },
  "POST /sys/v1/approval_requests/{id}/result": (request) => {
    const { status, result } = own(request)
    if (result === undefined) throw badRequest(`The request is ${status}`)
    return result
  },
}

function own({ account, app, parameters: [id = ""] }: DsmRequest): ApprovalRequest {
  const found = account.approvals.get(id)
  if (found?.requesterApp !== app.id) throw notFound("Approval request does not exist")
  return found
}

function approvalDocument(request: ApprovalRequest, accountId: string) {
  return {
    request_id: request.id,
    requester: { app: request.requesterApp },
    created_at: dsmTime(request.createdAtMs),
    expiry: dsmTime(request.createdAtMs + lifeMs),
    acct_id: accountId,
    operation: request.operation,
    method: request.method,
    body: request.body,
    approvers: [],
    reviewers: [],
    subjects: [],
    status: request.status,
    description: request.description,
  }
}
