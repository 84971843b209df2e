import {
  create,
  type DescMessage,
  type DescMethodBiDiStreaming,
  type DescMethodServerStreaming,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf"
import type { Client, ClientDuplexStream, ClientReadableStream } from "@grpc/grpc-js"
import { methodDefinition } from "./method-definition.ts"

/** Opens a stream in both directions. */
export function openStream<Input extends DescMessage, Output extends DescMessage>(
  client: Client,
  method: DescMethodBiDiStreaming<Input, Output>,
  deadlineMs: number,
): ClientDuplexStream<MessageShape<Input>, MessageShape<Output>> {
  const { path, requestSerialize, responseDeserialize } = methodDefinition(method)
  const stream = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, { deadline: deadlineMs })
  // What goes in and comes out is made by the method's own schemas.
  return stream as unknown as ClientDuplexStream<MessageShape<Input>, MessageShape<Output>>
}

/** Asks once for a stream of answers. */
export function openAnswers<Input extends DescMessage, Output extends DescMessage>(
  client: Client,
  method: DescMethodServerStreaming<Input, Output>,
  request: MessageInitShape<Input>,
  deadlineMs: number,
): ClientReadableStream<MessageShape<Output>> {
  const { path, requestSerialize, responseDeserialize } = methodDefinition(method)
  const message = create(method.input, request)
  const options = { deadline: deadlineMs }
  const stream = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, message, options)
  return stream as unknown as ClientReadableStream<MessageShape<Output>>
}
