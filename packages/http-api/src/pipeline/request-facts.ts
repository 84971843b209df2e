import type { IncomingMessage } from "node:http"
import type { RandomSource } from "@apeiro-cmk/plugin-interface"
import { v7 as uuidv7 } from "uuid"

const saneRequestId = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/
const saneTraceparent = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/

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
  const traceparent = request.headers.traceparent
  return {
    requestId: typeof wanted === "string" && saneRequestId.test(wanted) ? wanted : uuidv7({ random: random.bytes(16) }),
    ...(typeof traceparent === "string" && saneTraceparent.test(traceparent) ? { traceparent } : {}),
  }
}
