import type { IncomingMessage } from "node:http"
import type { Clock } from "@apeiro-cmk/plugin-interface"

/** Longest body of a request, in bytes. */
export const bodyLimitBytes = 256 * 1024

/** Length for which a shorter piece of a body counts, in bytes: it costs as much. */
const smallPieceBytes = 256

/** Most of a body that nobody wants that is still read after the answer, in bytes, and for how long, in milliseconds. */
const overrunBytes = 1024 * 1024
const overrunMs = 2000

/** Tells whether a request has a body: one of these headers says so (RFC 9112 §6.3). */
export function hasBody(request: IncomingMessage): boolean {
  const length = request.headers["content-length"]
  return request.headers["transfer-encoding"] !== undefined || (length !== undefined && Number(length) !== 0)
}

/** Tells whether the caller sends its body only when it is asked for it. */
export function waitsForContinue(request: IncomingMessage): boolean {
  return request.headers.expect?.toLowerCase() === "100-continue"
}

/**
 * Tells whether an answer leaves more of its request unread than is worth reading: the connection must end with it, or the
 * rest would be taken for the next request. A short rest of known length is read and dropped.
 */
export function leavesTooMuchUnread(request: IncomingMessage): boolean {
  if (!hasBody(request) || request.complete) return false
  const length = Number(request.headers["content-length"] ?? Number.POSITIVE_INFINITY)
  return waitsForContinue(request) || length > bodyLimitBytes
}

/**
 * Reads and drops what a caller still sends after its answer, within bounds. A connection that is cut while its caller
 * sends is reset, and the caller may never see the answer; most stop sending when they see it.
 */
export function dropOverrun(request: IncomingMessage, clock: Clock): Promise<void> {
  if (request.complete || request.destroyed || waitsForContinue(request)) return Promise.resolve()
  return new Promise((resolve) => {
    let left = overrunBytes
    const end = () => {
      cancel()
      request.off("data", count)
      request.pause()
      resolve()
    }
    const count = (chunk: Buffer) => {
      left -= Math.max(chunk.length, smallPieceBytes)
      if (left <= 0) end()
    }
    const cancel = clock.after(overrunMs, end)
    request.once("end", end).once("close", end).on("data", count).resume()
  })
}
