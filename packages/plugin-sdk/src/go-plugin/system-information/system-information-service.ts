import type { Plugin } from "@apeiro-cmk/plugin-interface"
import { create } from "@bufbuild/protobuf"
import type { ServerWritableStream } from "@grpc/grpc-js"
import { wireError } from "../errors/upstream-errors.ts"
import { type Answer, AnswerSchema } from "../generated/apeiro/cmk/common/v1/common_pb.js"
import {
  SystemInformation,
  type WatchRequest,
} from "../generated/apeiro/cmk/systeminformation/v1/system_information_pb.js"
import { jsonAnswer, ownCallOptions, ownMethods } from "../own-call.ts"
import type { ServeContext } from "../serve/served-kind.ts"
import { methodDefinitions } from "../wire/method-definition.ts"
import { unaryImplementation } from "../wire/unary-service.ts"
import { toServiceError } from "../wire/wire-error.ts"

/** Adds the service of our own host. */
export function addSystemInformationService({
  server,
  plugin,
  services,
}: ServeContext<Plugin<"system-information">>): void {
  const method = ownMethods(services.clock)
  const unary = unaryImplementation(SystemInformation, {
    validate: method(({ resource = {} }, options) => plugin.current().validate(resource, options)),
    writeStatus: method(({ resource = {}, status = {} }, options) =>
      plugin.current().writeStatus(resource, status, options),
    ),
  })
  const watch = (stream: ServerWritableStream<WatchRequest, Answer>) => {
    const controller = new AbortController()
    stream.once("cancelled", () => controller.abort())
    const { kind, caller } = stream.request
    const options = ownCallOptions(services.clock, caller, { signal: controller.signal, ...deadlineOf(stream) })
    const changes = async () => {
      try {
        for await (const change of plugin.current().watch(kind, options)) {
          stream.write(create(AnswerSchema, jsonAnswer(change)))
        }
        stream.end()
      } catch (error) {
        stream.emit("error", toServiceError(wireError(error)))
      } finally {
        options.dispose()
      }
    }
    void changes()
  }
  server.addService(methodDefinitions(SystemInformation), { ...unary, watch })
}

function deadlineOf(stream: ServerWritableStream<WatchRequest, Answer>): { readonly deadlineMs?: number } {
  const deadline = stream.getDeadline()
  const moment = deadline instanceof Date ? deadline.getTime() : deadline
  return Number.isFinite(moment) ? { deadlineMs: moment } : {}
}
