import type { CallOptions, ResourceChange } from "@apeiro-cmk/plugin-interface"
import { create } from "@bufbuild/protobuf"
import type { ServerWritableStream } from "@grpc/grpc-js"
import { wireError } from "../../errors/upstream-errors.ts"
import { type Answer, AnswerSchema } from "../../generated/apeiro/cmk/common/v1/common_pb.js"
import {
  SystemInformation,
  type WatchRequest,
} from "../../generated/apeiro/cmk/systeminformation/v1/system_information_pb.js"
import { addConfiguredOnce } from "../../serve/configured-once.ts"
import { jsonAnswer, ownCallOptions, ownMethods } from "../../serve/own-call.ts"
import { stateless } from "../../serve/served-services.ts"
import { methodDefinitions } from "../../wire/method-definition.ts"
import { sendAll } from "../../wire/stream.ts"
import { unaryImplementation } from "../../wire/unary-service.ts"
import { deadlineOf } from "../../wire/wire-call.ts"
import type { ServeContext, ServedServices } from "../kind.ts"
import { addUpstreamSystemInformation } from "./upstream.ts"

type WatchStream = ServerWritableStream<WatchRequest, Answer>

/** Serves a system information plugin to our own host and to upstream's. */
export function serveSystemInformation(context: ServeContext<"system-information">): ServedServices {
  const { server, plugin, clock } = context
  const method = ownMethods(clock)
  const unary = unaryImplementation(SystemInformation, {
    validate: method(({ resource = {} }, options) => plugin.current().validate(resource, options)),
    writeStatus: method(({ resource = {}, status = {} }, options) =>
      plugin.current().writeStatus(resource, status, options),
    ),
  })
  const watch = async (stream: WatchStream) => {
    const controller = new AbortController()
    stream.once("cancelled", () => controller.abort())
    const options = ownCallOptions(clock, stream.request, { signal: controller.signal, ...deadlineOf(stream) })
    const changes = (kind: string, call: CallOptions) => plugin.current().watch(kind, call)
    await sendAll(
      stream,
      answers(() => changes(stream.request.kind, options)),
      wireError,
    )
    options.dispose()
  }
  server.addService(methodDefinitions(SystemInformation), {
    ...unary,
    watch: (stream: WatchStream) => void watch(stream),
  })
  addConfiguredOnce(context)
  return stateless(addUpstreamSystemInformation(context))
}

async function* answers(watch: () => AsyncIterable<ResourceChange>): AsyncGenerator<Answer> {
  for await (const change of watch()) yield create(AnswerSchema, jsonAnswer(change))
}
