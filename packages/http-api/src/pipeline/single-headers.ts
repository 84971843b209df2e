import type { IncomingMessage } from "node:http"
import { callerError } from "../errors.ts"

/** Headers that decide who asks, for what, and where the body ends. */
const decidingHeaders = [
  "authorization",
  "host",
  "content-type",
  "content-length",
  "content-encoding",
  "transfer-encoding",
  "expect",
  "if-match",
  "idempotency-key",
  "x-request-id",
  "traceparent",
] as const

/**
 * Refuses a request in which a header that decides something occurs twice: Node would take one of the two, and a proxy or
 * a log may have read the other.
 *
 * @throws {HttpApiError} INVALID_REQUEST - names the header, without its values
 */
export function requireSingleHeaders({ rawHeaders }: IncomingMessage): void {
  const names = rawHeaders.filter((_, position) => position % 2 === 0).map((name) => name.toLowerCase())
  const twice = decidingHeaders.find((name) => names.indexOf(name) !== names.lastIndexOf(name))
  if (twice === undefined) return
  throw callerError("INVALID_REQUEST", `The header ${twice} occurs twice.`, `Send the header ${twice} once.`)
}
