import type { ServerDuplexStream, ServerUnaryCall, ServerWritableStream } from "@grpc/grpc-js"

/** Facts about a call that a handler receives in addition to the request. */
export interface WireCall {
  /** Fires when the caller gives up or goes away. */
  readonly signal: AbortSignal
  /** When the caller gives up: milliseconds since the Unix epoch; absent where it set no deadline, as Go hosts do. */
  readonly deadlineMs?: number
}

type ServerCall =
  | Pick<ServerUnaryCall<unknown, unknown>, "getDeadline">
  | Pick<ServerWritableStream<unknown, unknown>, "getDeadline">
  | Pick<ServerDuplexStream<unknown, unknown>, "getDeadline">

/** Reads the deadline of a call. grpc-js says infinity for a caller without one. */
export function deadlineOf(call: ServerCall): Pick<WireCall, "deadlineMs"> {
  const deadline = call.getDeadline()
  const moment = deadline instanceof Date ? deadline.getTime() : deadline
  return Number.isFinite(moment) ? { deadlineMs: moment } : {}
}
