import type { CallOptions, Clock } from "@apeiro-cmk/plugin-interface"
import { callOptions, type RunningCall } from "../deadline.ts"
import { wireError } from "./errors/upstream-errors.ts"
import type { Answer, Caller } from "./generated/apeiro/cmk/common/v1/common_pb.js"
import type { WireCall } from "./wire/unary-service.ts"

/** A caller without a deadline gets the longest that there is: the one of a connection test. */
const longestCallMs = 60_000

/** Starts the deadline of a call of our own host; call `dispose` when it has ended. */
export function ownCallOptions(
  clock: Clock,
  caller: Caller | undefined,
  { signal, deadlineMs }: WireCall,
): RunningCall {
  const timeoutMs = deadlineMs === undefined ? longestCallMs : deadlineMs - clock.nowMs()
  const { tenantId = "", traceparent = "" } = caller ?? {}
  return callOptions({ tenantId, timeoutMs, signal, clock, ...(traceparent === "" ? {} : { traceparent }) })
}

/** A request of our own host. */
export interface OwnRequest {
  readonly caller?: Caller | undefined
}

/** Puts a method of a plugin behind a call of our own host, whose answer is JSON. */
export function ownMethods(clock: Clock) {
  return <Request extends OwnRequest>(work: (request: Request, options: CallOptions) => Promise<unknown>) =>
    async (request: Request, call: WireCall): Promise<Pick<Answer, "json">> => {
      const options = ownCallOptions(clock, request.caller, call)
      try {
        return jsonAnswer(await work(request, options))
      } catch (error) {
        throw wireError(error)
      } finally {
        options.dispose()
      }
    }
}

/** The answer that stands for a value; nothing for `undefined`. */
export function jsonAnswer(value: unknown): Pick<Answer, "json"> {
  return { json: value === undefined ? "" : JSON.stringify(value) }
}
