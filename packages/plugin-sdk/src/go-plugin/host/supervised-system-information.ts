import type { CallOptions, Plugin, ResourceChange } from "@apeiro-cmk/plugin-interface"
import type { ServiceError } from "@grpc/grpc-js"
import { SystemInformation } from "../generated/apeiro/cmk/systeminformation/v1/system_information_pb.js"
import { toStruct } from "../struct.ts"
import { fromServiceError } from "../wire/wire-error.ts"
import { remoteAnswers } from "./remote-answers.ts"
import { askedOf, behindSignal, callerOf, remoteFailure } from "./remote-call.ts"
import type { Supervisor } from "./supervisor.ts"

const method = SystemInformation.method

/** A resource graph in another process, as if it were in this one. A watch ends with the process that has it. */
export function supervisedSystemInformation(supervisor: Supervisor): Plugin<"system-information"> {
  const ask = askedOf(supervisor)

  async function* watch(kind: string, call: CallOptions): AsyncGenerator<ResourceChange> {
    const connection = await supervisor.connection(call)
    const request = { caller: callerOf(call), kind }
    const stream = connection.openAnswers(method.watch, request, behindSignal(call).deadlineMs)
    const giveUp = () => stream.cancel()
    call.signal.addEventListener("abort", giveUp, { once: true })
    try {
      if (call.signal.aborted) giveUp()
      for await (const answer of stream as AsyncIterable<{ readonly json: string }>) {
        yield remoteAnswers.resourceChange(answer.json)
      }
    } catch (error) {
      throw remoteFailure(isServiceError(error) ? fromServiceError(error) : error, call)
    } finally {
      call.signal.removeEventListener("abort", giveUp)
      stream.cancel()
    }
  }

  return {
    start: (signal) => supervisor.start(signal),
    stop: () => supervisor.stop(),
    validate: async (resource, call) =>
      remoteAnswers.resourceVerdict(
        await ask(method.validate, call, (caller) => ({ caller, resource: toStruct(resource) })),
      ),
    watch,
    async writeStatus(resource, status, call) {
      await ask(method.writeStatus, call, (caller) => ({
        caller,
        resource: toStruct(resource),
        status: toStruct(status),
      }))
    },
  }
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && "metadata" in error && "details" in error
}
