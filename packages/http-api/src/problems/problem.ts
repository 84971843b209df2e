import { type CodedError, isCodedError } from "@apeiro-cmk/plugin-interface"
import { boundedIssues, shownText } from "@apeiro-cmk/plugin-sdk"
import * as z from "zod"
import { stepAnswer } from "../connection-test/steps.ts"
import { HttpApiError } from "../errors.ts"
import { isApiErrorCode, statusOfCode } from "./error-status.ts"
import { textsOf } from "./operator-errors.ts"
import type { ProblemDocument } from "./problem-document.ts"

/**
 * Turns an error into the caller's problem. An error that is not one of ours reveals nothing about itself, and one about
 * the operator's installation only its code.
 */
export function problemOf(error: unknown, requestId: string): ProblemDocument {
  const known = isCodedError(error) && isApiErrorCode(error.code) ? error : unexpected(error)
  const { title, nextStep } = textsOf(known)
  return {
    type: `urn:apeiro-cmk:problem:${known.code}`,
    title: shownText(title),
    status: statusOfCode(known.code),
    code: known.code,
    origin: known.origin,
    retryable: known.retryable,
    next_step: shownText(nextStep),
    request_id: requestId,
    ...details(known),
  }
}

function unexpected(cause: unknown): CodedError {
  return new HttpApiError("INTERNAL", "The host failed unexpectedly.", {
    origin: "host",
    retryable: false,
    nextStep: "Give the request id to the operator: the host's log has the error.",
    cause,
  })
}

function details(error: CodedError): Pick<ProblemDocument, "issues" | "steps"> {
  const { issues, steps } = detailsShape.parse({
    issues: "issues" in error ? error.issues : undefined,
    steps: "steps" in error ? error.steps : undefined,
  })
  return {
    ...(issues === undefined ? {} : { issues }),
    ...(steps === undefined ? {} : { steps: steps.map(stepAnswer) }),
  }
}

const detailsShape = z.object({
  issues: z
    .array(
      z.object({
        path: z.array(z.union([z.string(), z.number()])),
        message: z.string(),
        allowed: z.array(z.string()).exactOptional(),
      }),
    )
    .transform(boundedIssues)
    .optional()
    .catch(undefined),
  steps: z
    .array(
      z.object({
        name: z.string(),
        outcome: z.enum(["passed", "warned", "failed", "skipped"]),
        durationMs: z.number(),
        message: z.string(),
        nextStep: z.string().exactOptional(),
        code: z.string().exactOptional(),
      }),
    )
    .optional()
    .catch(undefined),
})
