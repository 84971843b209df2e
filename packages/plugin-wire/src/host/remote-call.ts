import { type CallOptions, isPluginError } from "@apeiro-cmk/plugin-interface"
import { abortReason } from "@apeiro-cmk/plugin-sdk"
import type { DescMessage, DescMethodUnary, MessageInitShape } from "@bufbuild/protobuf"
import { pluginErrorOf } from "../errors/plugin-error-info.ts"
import type { AnswerSchema } from "../generated/apeiro/cmk/common/v1/common_pb.js"
import { WireError } from "../wire/wire-error.ts"
import type { Supervisor } from "./supervisor.ts"

/** How much later gRPC's deadline is than the caller's, in milliseconds. */
const deadlineSlackMs = 1_000

/** Moves gRPC's deadline behind the signal, which fires at the caller's own deadline and says why. */
export function behindSignal(call: CallOptions): CallOptions {
  return { ...call, deadlineMs: call.deadlineMs + deadlineSlackMs }
}

/** Says on the wire for whom a call is made. */
export function callerOf({ tenantId, requestId, keystoreId = "", traceparent = "" }: CallOptions) {
  return { tenantId, requestId, keystoreId, traceparent }
}

/** Waits for an answer. @throws {PluginError} the plugin's error, the reason of the call's signal, or that the process is gone */
export async function asked<T>(answer: Promise<T>, call: CallOptions): Promise<T> {
  try {
    return await answer
  } catch (error) {
    throw remoteFailure(error, call)
  }
}

/** Translates the error of a call over the wire into one of the plugin interface. */
export function remoteFailure(error: unknown, { signal }: CallOptions): unknown {
  if (isPluginError(error)) return error
  if (signal.aborted) return abortReason(signal)
  return error instanceof WireError ? pluginErrorOf(error) : error
}

/** Makes calls of our own service to the process that runs at that moment. The answers are JSON. */
export function askedOf(supervisor: Supervisor) {
  return async <Input extends DescMessage>(
    method: DescMethodUnary<Input, typeof AnswerSchema>,
    call: CallOptions,
    request: (caller: ReturnType<typeof callerOf>) => MessageInitShape<Input>,
  ): Promise<string> => {
    const connection = await supervisor.connection(call)
    const answer = connection.call(method, request(callerOf(call)), behindSignal(call))
    return (await asked(answer, call)).json
  }
}
