import { type CallOptions, isPluginError } from "@apeiro-cmk/plugin-interface"
import type { DescMessage, DescMethodUnary, MessageInitShape } from "@bufbuild/protobuf"
import { abortReason } from "../../deadline.ts"
import { pluginErrorOf } from "../errors/plugin-error-info.ts"
import type { AnswerSchema } from "../generated/apeiro/cmk/common/v1/common_pb.js"
import { WireError } from "../wire/wire-error.ts"
import type { Supervisor } from "./supervisor.ts"

/** How far gRPC's deadline lies behind the caller's, in milliseconds. */
const deadlineSlackMs = 1_000

/** The same call with gRPC's deadline behind the signal, which fires at the caller's own deadline and says why. */
export function behindSignal(call: CallOptions): CallOptions {
  return { ...call, deadlineMs: call.deadlineMs + deadlineSlackMs }
}

/** For whom a call is made, on the wire. */
export function callerOf({ tenantId, traceparent = "" }: CallOptions) {
  return { tenantId, traceparent }
}

/** @throws {PluginError} what the plugin rejected with, the reason of the call's signal, or that the process is gone */
export async function asked<T>(answer: Promise<T>, call: CallOptions): Promise<T> {
  try {
    return await answer
  } catch (error) {
    throw remoteFailure(error, call)
  }
}

/** What a call over the wire failed with, in words of the plugin interface. */
export function remoteFailure(error: unknown, { signal }: CallOptions): unknown {
  if (isPluginError(error)) return error
  if (signal.aborted) return abortReason(signal)
  return error instanceof WireError ? pluginErrorOf(error) : error
}

/** Asks the process that runs now one question of our own service. @returns JSON */
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
