import { type CodedError, isCodedError } from "@apeiro-cmk/plugin-interface"
import * as z from "zod"
import { HostError } from "../errors.ts"
import { connectionStep, stepAnswer } from "../schemas/keystore.ts"
import { isApiErrorCode, statusOfCode } from "./error-status.ts"

/** An error as the API states it: RFC 9457, with what a human and a machine need beside the text. */
export const problemDocument = z
  .strictObject({
    type: z.string().meta({
      description: "`urn:apeiro-cmk:problem:` and the code",
      examples: ["urn:apeiro-cmk:problem:TENANT_NOT_FOUND"],
    }),
    title: z.string().meta({ description: "What happened, in one sentence" }),
    status: z.int().meta({ description: "The HTTP status of the answer" }),
    code: z.string().meta({ description: "Stable machine name of the error" }),
    origin: z.enum(["caller", "host", "plugin", "keystore", "network"]).meta({ description: "Whose fault it is" }),
    retryable: z
      .boolean()
      .meta({ description: "Whether the same request may succeed when it is sent again unchanged" }),
    next_step: z.string().meta({ description: "What a human does now" }),
    request_id: z.string().meta({ description: "The same as in the log and the audit log" }),
    issues: z
      .array(
        z.strictObject({
          path: z.array(z.union([z.string(), z.number()])),
          message: z.string(),
          allowed: z.array(z.string()).optional(),
        }),
      )
      .optional()
      .meta({ description: "Each single fault of the request" }),
    steps: z.array(connectionStep).optional().meta({ description: "The steps of a connection test that failed" }),
  })
  .meta({ id: "Problem" })

/** A {@link problemDocument}. */
export type ProblemDocument = z.output<typeof problemDocument>

/** What an error becomes for the caller. Anything that is not one of our own says nothing about itself. */
export function problemOf(error: unknown, requestId: string): ProblemDocument {
  const known = isCodedError(error) && isApiErrorCode(error.code) ? error : unexpected(error)
  return {
    type: `urn:apeiro-cmk:problem:${known.code}`,
    title: known.message,
    status: statusOfCode(known.code),
    code: known.code,
    origin: known.origin,
    retryable: known.retryable,
    next_step: known.nextStep,
    request_id: requestId,
    ...details(known),
  }
}

function unexpected(cause: unknown): CodedError {
  return new HostError("INTERNAL", "The host failed in a way that it did not expect.", {
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
  issues: problemDocument.shape.issues.catch(undefined),
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
