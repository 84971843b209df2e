import * as z from "zod"
import { AwsError } from "./aws-error.ts"
import type { KmsCall } from "./kms-store.ts"

/** The JSON document of an answer. */
export type KmsAnswer = Readonly<Record<string, unknown>>

/** One operation of KMS, from the parsed JSON of a request to the answer. @throws {AwsError} */
export type KmsHandler = (request: unknown, call: KmsCall) => KmsAnswer | Promise<KmsAnswer>

/** Combines the shape of a request and its handler into one operation. */
export function operation<Shape extends z.ZodType>(
  shape: Shape,
  answer: (request: z.output<Shape>, call: KmsCall) => KmsAnswer | Promise<KmsAnswer>,
): KmsHandler {
  return (request, call) => {
    const parsed = shape.safeParse(request)
    if (!parsed.success) throw new AwsError("ValidationException", z.prettifyError(parsed.error))
    return answer(parsed.data, call)
  }
}
