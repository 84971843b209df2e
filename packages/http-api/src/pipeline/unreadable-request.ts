import { STATUS_CODES } from "node:http"
import type { Duplex } from "node:stream"
import type { Clock, Logger } from "@apeiro-cmk/plugin-interface"
import { v7 as uuidv7 } from "uuid"
import { HttpApiError } from "../errors.ts"
import { problemOf } from "../problems/problem.ts"

/** Time for the caller to read the answer before its connection is cut, in milliseconds. */
const lingerMs = 2000

/**
 * Answers a request that Node's parser refuses, and that no application ever sees, with a problem like every other error;
 * Node's own answer has no body.
 *
 * @param isAnswering - tells whether an answer has begun on this connection: a second one would corrupt it
 * @returns a listener for `clientError`
 */
export function answerUnreadable(
  { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
  isAnswering: (socket: Duplex) => boolean,
): (error: Error, socket: Duplex) => void {
  const answered = new WeakSet<Duplex>()
  return (error, socket) => {
    // Bytes after the refused ones are refused as well, and have been answered already.
    if (answered.has(socket)) return
    if (!socket.writable || isAnswering(socket)) {
      socket.destroy()
      return
    }
    answered.add(socket)
    const problem = problemOf(refusalOf(error), uuidv7())
    const { status, code, origin, request_id } = problem
    logger.info("unreadable request", { status, code, origin, request_id })
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
function refusalOf(error: Error): HttpApiError {
  const code = "code" in error ? error.code : undefined
  if (code === "HPE_HEADER_OVERFLOW") {
    return new HttpApiError("HEADERS_TOO_LARGE", "The headers of the request are too long.", {
      origin: "caller",
      retryable: false,
      nextStep: "Send fewer or shorter headers and a shorter URL: at most 16 KiB in total.",
    })
  }
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") {
    return new HttpApiError("REQUEST_INCOMPLETE", "The request did not arrive in time.", {
      origin: "caller",
      retryable: true,
      nextStep:
        "Send the request faster, or on a better network; the operator sets `headersTimeoutMs` and `requestTimeoutMs` of the listener in the profile.",
    })
  }
  return new HttpApiError("INVALID_REQUEST", "The request is not HTTP/1.1.", {
    origin: "caller",
    retryable: false,
    nextStep:
      "Send a request according to RFC 9112; a client that speaks TLS needs the address of the proxy that ends TLS in front of this host.",
  })
}
