import type { Response } from "express"
import type { RequestFacts } from "./request-facts.ts"
import type { RequestLog } from "./request-log.ts"

/** A response with what the pipeline carries along a request. */
export type ApiResponse = Response<unknown, { facts: RequestFacts; log: RequestLog }>
