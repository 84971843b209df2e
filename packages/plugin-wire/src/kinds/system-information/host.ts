import type { CallOptions, JsonValue, Plugin, ResourceChange, ResourceVerdict } from "@apeiro-cmk/plugin-interface"
import * as z from "zod"
import { SystemInformation } from "../../generated/apeiro/cmk/systeminformation/v1/system_information_pb.js"
import { readAnswer } from "../../host/read-answer.ts"
import { askedOf, behindSignal, callerOf, remoteFailure } from "../../host/remote-call.ts"
import { remoteConfiguredOnce } from "../../host/remote-configured-once.ts"
import type { Supervisor } from "../../host/supervisor.ts"
import { messagesOf } from "../../wire/stream.ts"
import { toStruct } from "../../wire/struct.ts"

const method = SystemInformation.method
const resourceShape: z.ZodType<Readonly<Record<string, JsonValue>>> = z.record(z.string(), z.json())
const changeShape: z.ZodType<ResourceChange> = z.object({
  type: z.enum(["added", "modified", "deleted"]),
  resource: resourceShape,
})
const verdictShape: z.ZodType<ResourceVerdict> = z.object({
  accepted: z.boolean(),
  reason: z.string(),
  message: z.string(),
})

/** Makes a resource graph in another process look like one in this process. A watch ends with its process. */
export function remoteSystemInformation(supervisor: Supervisor): Plugin<"system-information"> {
  const ask = askedOf(supervisor)
  return {
    ...remoteConfiguredOnce(supervisor),
    validate: async (resource, call) =>
      readAnswer(
        verdictShape,
        await ask(method.validate, call, (caller) => ({ caller, resource: toStruct(resource) })),
      ),
    watch: (kind, call) => watch(supervisor, kind, call),
    async writeStatus(resource, status, call) {
      await ask(method.writeStatus, call, (caller) => ({
        caller,
        resource: toStruct(resource),
        status: toStruct(status),
      }))
    },
  }
}

async function* watch(supervisor: Supervisor, kind: string, call: CallOptions): AsyncGenerator<ResourceChange> {
  const connection = await supervisor.connection(call)
  const request = { caller: callerOf(call), kind }
  const stream = connection.openAnswers(method.watch, request, behindSignal(call).deadlineMs)
  const giveUp = () => stream.cancel()
  call.signal.addEventListener("abort", giveUp, { once: true })
  try {
    if (call.signal.aborted) giveUp()
    for await (const { json } of messagesOf(stream)) yield readAnswer(changeShape, json)
  } catch (error) {
    throw remoteFailure(error, call)
  } finally {
    call.signal.removeEventListener("abort", giveUp)
    stream.cancel()
  }
}
