import { create, type Message } from "@bufbuild/protobuf"
import type { Server, ServerDuplexStream, ServerWritableStream } from "@grpc/grpc-js"
import { status } from "@grpc/grpc-js"
import {
  Health,
  HealthCheckResponse_ServingStatus,
  HealthCheckResponseSchema,
} from "../generated/grpc/health/v1/health_pb.js"
import { GRPCBroker } from "../generated/plugin/grpc_broker_pb.js"
import { GRPCController } from "../generated/plugin/grpc_controller_pb.js"
import { GRPCStdio, StdioDataSchema } from "../generated/plugin/grpc_stdio_pb.js"
import { methodDefinitions } from "../wire/method-definition.ts"
import type { ServerStream } from "../wire/stream.ts"
import { unaryImplementation } from "../wire/unary-service.ts"
import { WireError } from "../wire/wire-error.ts"
import type { CapturedOutput } from "./captured-output.ts"

/** Streams that stay open until the end; they must end before the server can. */
export interface OpenStreams {
  end(): void
}

/** Names under which hosts ask for the health of the process; it says nothing about any backend. */
const healthNames = ["", "plugin"]

/** Adds the services that every go-plugin host expects of a plugin of any type. @param shutDown - ends the process */
export function addStandardServices(server: Server, output: CapturedOutput, shutDown: () => void): OpenStreams {
  const open = new Set<{ end(): void }>()
  const keep = (stream: ServerStream) => {
    open.add(stream)
    stream.once("close", () => open.delete(stream))
  }

  const check = async ({ service }: { readonly service: string }) => {
    if (!healthNames.includes(service)) throw new WireError(status.NOT_FOUND, "unknown service")
    return { status: HealthCheckResponse_ServingStatus.SERVING }
  }
  const list = async () => {
    const serving = create(HealthCheckResponseSchema, { status: HealthCheckResponse_ServingStatus.SERVING })
    return { statuses: Object.fromEntries(healthNames.map((name) => [name, serving])) }
  }
  const health = unaryImplementation(Health, { check, list })
  server.addService(methodDefinitions(Health), {
    ...health,
    watch: (stream: ServerWritableStream<Message, Message>) => {
      keep(stream)
      stream.write(create(HealthCheckResponseSchema, { status: HealthCheckResponse_ServingStatus.SERVING }))
    },
  })

  // Hosts say here where they listen for the plugin. It never dials back, so nothing they say matters.
  server.addService(methodDefinitions(GRPCBroker), {
    startStream: (stream: ServerDuplexStream<Message, Message>) => {
      keep(stream)
      stream.on("data", () => undefined)
      stream.once("end", () => stream.end())
    },
  })

  server.addService(methodDefinitions(GRPCStdio), {
    streamStdio: (stream: ServerWritableStream<Message, Message>) => {
      keep(stream)
      const stop = output.listen((data) => stream.write(create(StdioDataSchema, data)))
      stream.once("close", stop)
    },
  })

  const shutdown = async () => {
    shutDown()
    return {}
  }
  server.addService(methodDefinitions(GRPCController), unaryImplementation(GRPCController, { shutdown }))

  return {
    end() {
      for (const stream of open) stream.end()
    },
  }
}
