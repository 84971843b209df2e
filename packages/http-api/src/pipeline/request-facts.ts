import type { IncomingMessage } from "node:http"
import { traceIdOf } from "@apeiro-cmk/host-call"
import type { RandomSource } from "@apeiro-cmk/plugin-interface"
import { v7 as uuidv7 } from "uuid"

const saneRequestId = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/

/** Id and trace context of a request, before anything of it is trusted. */
export interface RequestFacts {
  /** The caller's `X-Request-Id` when it is 1 to 64 letters, digits, `.`, `_`, `-`; otherwise a new UUIDv7. */
  readonly requestId: string
  /** W3C trace context, when it is well-formed. */
  readonly traceparent?: string
}

/** Reads request id and trace context. @param random - for a new request id */
export function requestFactsOf(request: IncomingMessage, random: RandomSource): RequestFacts {
  const wanted = request.headers["x-request-id"]
  const traceparent = singleHeader(request.headers.traceparent)
  return {
    requestId: typeof wanted === "string" && saneRequestId.test(wanted) ? wanted : uuidv7({ random: random.bytes(16) }),
    ...(traceparent !== undefined && traceIdOf(traceparent) !== undefined ? { traceparent } : {}),
  }
}

function singleHeader(value: string | string[] | undefined): string | undefined {
  return typeof value === "string" ? value : undefined
}
