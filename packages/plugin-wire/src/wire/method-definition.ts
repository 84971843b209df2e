import {
  type DescMessage,
  type DescMethod,
  type DescService,
  fromBinary,
  type Message,
  toBinary,
} from "@bufbuild/protobuf"
import type { MethodDefinition } from "@grpc/grpc-js"

/** No bound on the size of a message: the peers are one host and the plugins that it chose (Go hosts allow 2 GiB). */
export const channelOptions = { "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 } as const

const known = new WeakMap<DescMethod, Map<string, MethodDefinition<Message, Message>>>()

/**
 * Translates a method of a generated service into grpc-js's terms.
 *
 * @param serviceName - full name on the wire; default: the descriptor's own
 */
export function methodDefinition(
  method: DescMethod,
  serviceName: string = method.parent.typeName,
): MethodDefinition<Message, Message> {
  const definitions = known.get(method) ?? new Map<string, MethodDefinition<Message, Message>>()
  known.set(method, definitions)
  const definition = definitions.get(serviceName) ?? made(method, serviceName)
  definitions.set(serviceName, definition)
  return definition
}

function made(method: DescMethod, serviceName: string): MethodDefinition<Message, Message> {
  return {
    path: `/${serviceName}/${method.name}`,
    requestStream: method.methodKind === "client_streaming" || method.methodKind === "bidi_streaming",
    responseStream: method.methodKind === "server_streaming" || method.methodKind === "bidi_streaming",
    requestSerialize: serializer(method.input),
    requestDeserialize: deserializer(method.input),
    responseSerialize: serializer(method.output),
    responseDeserialize: deserializer(method.output),
  }
}

/** Translates every method of a service, by its name in the descriptor (`getKey`). */
export function methodDefinitions(
  service: DescService,
  serviceName?: string,
): Record<string, MethodDefinition<Message, Message>> {
  return Object.fromEntries(service.methods.map((method) => [method.localName, methodDefinition(method, serviceName)]))
}

function serializer(schema: DescMessage): (message: Message) => Buffer {
  return (message) => {
    const bytes = toBinary(schema, message)
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }
}

function deserializer(schema: DescMessage): (bytes: Buffer) => Message {
  return (bytes) => fromBinary(schema, bytes)
}
