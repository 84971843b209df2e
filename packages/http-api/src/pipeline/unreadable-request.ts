import { STATUS_CODES } from "node:http"
import type { Duplex } from "node:stream"
import type { Clock, Logger } from "@apeiro-cmk/plugin-interface"
import { v7 as uuidv7 } from "uuid"
import { HostError } from "../errors.ts"
import { problemOf } from "./problem.ts"

/** How long a caller may go on sending before its connection is cut, so that it can still read the answer, in milliseconds. */
const lingerMs = 2000

/**
 * Answers what Node's parser refuses, so that no application ever sees it, with a problem as every other error; Node's own
 * answer has no body.
 *
 * @param isAnswering - whether an answer has begun on this connection: another one would corrupt it
 * @returns a listener for `clientError`
 */
export function answerUnreadable(
  { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
  isAnswering: (socket: Duplex) => boolean,
): (error: Error, socket: Duplex) => void {
  const answered = new WeakSet<Duplex>()
  return (error, socket) => {
    // What still comes after the refused bytes is refused as well, and was answered already.
    if (answered.has(socket)) return
    if (!socket.writable || isAnswering(socket)) {
      socket.destroy()
      return
    }
    answered.add(socket)
    const problem = problemOf(refusalOf(error), uuidv7())
    const { status, code, origin, request_id } = problem
    logger.info("request that cannot be read", { status, code, origin, request_id })
    const body = JSON.stringify(problem)
    const head = [
      `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}`,
      "Content-Type: application/problem+json; charset=utf-8",
      `Content-Length: ${Buffer.byteLength(body)}`,
      `X-Request-Id: ${request_id}`,
      "X-Content-Type-Options: nosniff",
      "Cache-Control: no-store",
      "Connection: close",
    ]
    socket.end(`${head.join("\r\n")}\r\n\r\n${body}`)
    socket.once(
      "close",
      clock.after(lingerMs, () => socket.destroy()),
    )
  }
}

/** The parser's own message quotes the request, which may hold a secret: only its code is used. */
function refusalOf(error: Error): HostError {
  const code = "code" in error ? error.code : undefined
  if (code === "HPE_HEADER_OVERFLOW") {
    return new HostError("HEADERS_TOO_LARGE", "The headers of the request are too long.", {
      origin: "caller",
      retryable: false,
      nextStep: "Send fewer or shorter headers, and a shorter URL: 16 KiB in all.",
    })
  }
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") {
    return new HostError("REQUEST_INCOMPLETE", "The request did not arrive in time.", {
      origin: "caller",
      retryable: true,
      nextStep: "Send the headers within 10 seconds and the whole request within 30.",
    })
  }
  return new HostError("INVALID_REQUEST", "The request is not HTTP/1.1.", {
    origin: "caller",
    retryable: false,
    nextStep:
      "Send a request as RFC 9112 says; a client that speaks TLS must be sent to what ends TLS before this host.",
  })
}
