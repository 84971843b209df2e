import type { DescService, MessageInitShape, MessageShape } from "@bufbuild/protobuf"
import { create, type Message } from "@bufbuild/protobuf"
import type { Server, ServerUnaryCall, sendUnaryData, UntypedServiceImplementation } from "@grpc/grpc-js"
import { methodDefinitions } from "./method-definition.ts"
import { toServiceError } from "./wire-error.ts"

/** What a handler knows about its call. */
export interface WireCall {
  /** Fires when the caller gives up or goes away. */
  readonly signal: AbortSignal
  /** When the caller gives up: milliseconds since the Unix epoch; absent where it set no deadline, as Go hosts do. */
  readonly deadlineMs?: number
}

type UnaryName<Service extends DescService> = {
  [Name in keyof Service["method"]]: Service["method"][Name]["methodKind"] extends "unary" ? Name : never
}[keyof Service["method"]]

/** One handler for each unary method of a service. What it rejects with is sent: a `WireError` as it is, others as UNKNOWN. */
export type UnaryHandlers<Service extends DescService> = {
  readonly [Name in UnaryName<Service>]: (
    request: MessageShape<Service["method"][Name]["input"]>,
    call: WireCall,
  ) => Promise<MessageInitShape<Service["method"][Name]["output"]>>
}

/** Adds a service that has unary methods alone. @returns its full name */
export function addUnaryService<Service extends DescService>(
  server: Server,
  service: Service,
  handlers: UnaryHandlers<Service>,
): string {
  server.addService(methodDefinitions(service), unaryImplementation(service, handlers))
  return service.typeName
}

/** Puts promises behind grpc-js's callbacks. */
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
          const deadlineMs = deadlineOf(call)
          const context = { signal: controller.signal, ...(deadlineMs === undefined ? {} : { deadlineMs }) }
          // The handler's type says that the request is of this method: grpc-js has just read it as one.
          try {
            const answer = await handler(call.request as never, context)
            return create(method.output, answer as MessageInitShape<typeof method.output>)
          } finally {
            // It is told at the end of every call, too.
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

/** grpc-js says infinity for a caller without a deadline. */
function deadlineOf(call: ServerUnaryCall<Message, Message>): number | undefined {
  const deadline = call.getDeadline()
  const moment = deadline instanceof Date ? deadline.getTime() : deadline
  return Number.isFinite(moment) ? moment : undefined
}
