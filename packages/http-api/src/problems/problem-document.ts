import { errorOrigins } from "@apeiro-cmk/plugin-interface"
import * as z from "zod"
import { connectionStep } from "../resources/keystores/connection-step.ts"

/** An error as the API states it: RFC 9457, with further members for people and machines. */
export const problemDocument = z
  .strictObject({
    type: z.string().meta({
      description: "`urn:apeiro-cmk:problem:` and the code",
      examples: ["urn:apeiro-cmk:problem:TENANT_NOT_FOUND"],
    }),
    title: z.string().meta({ description: "What happened, in one sentence" }),
    status: z.int().meta({ description: "The HTTP status of the answer" }),
    code: z.string().meta({ description: "Stable machine name of the error" }),
    origin: z.enum(errorOrigins).meta({ description: "Whose fault it is" }),
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
