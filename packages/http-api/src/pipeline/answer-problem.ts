import { callerError, HttpApiError } from "../errors.ts"
import { problemOf } from "../problems/problem.ts"
import type { AnswerOutput } from "./answer-output.ts"
import type { ApiResponse } from "./api-response.ts"
import { sendProblem } from "./send.ts"

/** Answers a request that was refused or failed, and notes why in its log line. */
export function answerProblem(thrown: unknown, response: ApiResponse, output: AnswerOutput): void {
  const error = requestError(thrown)
  const { facts, log } = response.locals
  const problem = problemOf(error, facts.requestId)
  log.failure(problem, thrown)
  if (response.headersSent) {
    response.destroy()
    return
  }
  sendProblem(response, problem, headersOf(error), output)
}

/** Express's own refusals of a malformed request carry a 4xx status. */
function requestError(error: unknown): unknown {
  const status = error instanceof Error && "status" in error ? error.status : undefined
  if (typeof status !== "number" || status < 400 || status > 499) return error
  return callerError("INVALID_REQUEST", "The request cannot be understood.", "Check the spelling of the URL.")
}

function headersOf(error: unknown): Record<string, string> {
  const headers: Record<string, string> = {}
  if (!(error instanceof Error)) return headers
  if (error instanceof HttpApiError && error.code === "UNAUTHENTICATED") headers["WWW-Authenticate"] = "Bearer"
  if (error instanceof HttpApiError && error.allowedMethods !== undefined) {
    headers.Allow = error.allowedMethods.join(", ")
  }
  if ("retryAfterMs" in error && typeof error.retryAfterMs === "number") {
    headers["Retry-After"] = String(Math.max(1, Math.ceil(error.retryAfterMs / 1000)))
  }
  return headers
}
