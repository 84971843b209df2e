import { randomUUID } from "node:crypto"
import type { CallOptions, Clock } from "@apeiro-cmk/plugin-interface"
import { callOptions, type RunningCall } from "@apeiro-cmk/plugin-sdk"
import { wireError } from "../errors/upstream-errors.ts"
import type { Answer, Caller } from "../generated/apeiro/cmk/common/v1/common_pb.js"
import type { WireCall } from "../wire/wire-call.ts"

/** A caller without a deadline gets the longest of all calls: the one of a connection test. */
const longestCallMs = 60_000

/** A request of our own host. */
export interface OwnRequest {
  readonly caller?: Caller | undefined
}

/** Starts the deadline of a call of our own host; call `dispose` when it has ended. */
export function ownCallOptions(clock: Clock, { caller }: OwnRequest, { signal, deadlineMs }: WireCall): RunningCall {
  const timeoutMs = deadlineMs === undefined ? longestCallMs : deadlineMs - clock.nowMs()
  const { tenantId = "", requestId = "", keystoreId = "", traceparent = "" } = caller ?? {}
  return callOptions({
    ...{ tenantId, timeoutMs, signal, clock },
    requestId: requestId === "" ? randomUUID() : requestId,
    ...(keystoreId === "" ? {} : { keystoreId }),
    ...(traceparent === "" ? {} : { traceparent }),
  })
}

/**
 * Does the work of one call of our own host within the call's deadline.
 *
 * @throws {WireError} the error of the work, translated for the wire
 */
export async function ownCall<T>(
  clock: Clock,
  request: OwnRequest,
  call: WireCall,
  work: (options: CallOptions) => Promise<T>,
): Promise<T> {
  const options = ownCallOptions(clock, request, call)
  try {
    return await work(options)
  } catch (error) {
    throw wireError(error)
  } finally {
    options.dispose()
  }
}

/** Makes handlers of our own host's methods whose answer is JSON. */
export function ownMethods(clock: Clock) {
  return <Request extends OwnRequest>(work: (request: Request, options: CallOptions) => Promise<unknown>) =>
    (request: Request, call: WireCall): Promise<Pick<Answer, "json">> =>
      ownCall(clock, request, call, async (options) => jsonAnswer(await work(request, options)))
}

/** Makes the answer that carries a value; it is empty for `undefined`. */
export function jsonAnswer(value: unknown): Pick<Answer, "json"> {
  return { json: value === undefined ? "" : JSON.stringify(value) }
}
