import type { DescService, Message, MessageInitShape, MessageShape } from "@bufbuild/protobuf"
import { create } from "@bufbuild/protobuf"
import type { Server, ServerUnaryCall, sendUnaryData, UntypedServiceImplementation } from "@grpc/grpc-js"
import { methodDefinitions } from "./method-definition.ts"
import { deadlineOf, type WireCall } from "./wire-call.ts"
import { toServiceError } from "./wire-error.ts"

type UnaryName<Service extends DescService> = {
  [Name in keyof Service["method"]]: Service["method"][Name]["methodKind"] extends "unary" ? Name : never
}[keyof Service["method"]]

/**
 * One handler for each unary method of a service. The caller receives its rejection: a `WireError` unchanged, any other
 * error as UNKNOWN.
 */
export type UnaryHandlers<Service extends DescService> = {
  readonly [Name in UnaryName<Service>]: (
    request: MessageShape<Service["method"][Name]["input"]>,
    call: WireCall,
  ) => Promise<MessageInitShape<Service["method"][Name]["output"]>>
}

/** Adds a service that has only unary methods. @returns its full name */
export function addUnaryService<Service extends DescService>(
  server: Server,
  service: Service,
  handlers: UnaryHandlers<Service>,
): string {
  server.addService(methodDefinitions(service), unaryImplementation(service, handlers))
  return service.typeName
}

/** Turns handlers that return promises into grpc-js's callbacks. */
export function unaryImplementation<Service extends DescService>(
  service: Service,
  handlers: UnaryHandlers<Service>,
): UntypedServiceImplementation {
  const byName: Readonly<Record<string, (request: never, call: WireCall) => Promise<unknown>>> = handlers
  return Object.fromEntries(
    service.methods
      .filter(({ methodKind }) => methodKind === "unary")
      .map((method) => {
        const handler = byName[method.localName]
        if (handler === undefined) throw new TypeError(`${service.typeName} has no handler for ${method.name}`)
        const respond = async (call: ServerUnaryCall<Message, Message>): Promise<Message> => {
          const controller = new AbortController()
          const giveUp = () => controller.abort()
          call.once("cancelled", giveUp)
          if (call.cancelled) giveUp()
          // The handler's type says that the request is of this method: grpc-js has just read it as one.
          try {
            const answer = await handler(call.request as never, { signal: controller.signal, ...deadlineOf(call) })
            return create(method.output, answer as MessageInitShape<typeof method.output>)
          } finally {
            // grpc-js emits the event at the end of every call, too.
            call.off("cancelled", giveUp)
          }
        }
        const handle = (call: ServerUnaryCall<Message, Message>, callback: sendUnaryData<Message>) => {
          respond(call).then(
            (answer) => callback(null, answer),
            (error: unknown) => callback(toServiceError(error)),
          )
        }
        return [method.localName, handle]
      }),
  )
}
