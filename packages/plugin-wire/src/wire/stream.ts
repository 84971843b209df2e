import {
  create,
  type DescMessage,
  type DescMethodBiDiStreaming,
  type DescMethodServerStreaming,
  type Message,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf"
import type {
  Client,
  ClientDuplexStream,
  ClientReadableStream,
  ServerDuplexStream,
  ServerWritableStream,
} from "@grpc/grpc-js"
import { methodDefinition } from "./method-definition.ts"
import { fromServiceError, isServiceError, toServiceError } from "./wire-error.ts"

/**
 * Opens a stream in both directions.
 *
 * @param deadlineMs - when the stream must have ended: milliseconds since the Unix epoch. Default: never
 */
export function openStream<Input extends DescMessage, Output extends DescMessage>(
  client: Client,
  method: DescMethodBiDiStreaming<Input, Output>,
  deadlineMs = Number.POSITIVE_INFINITY,
): ClientDuplexStream<MessageShape<Input>, MessageShape<Output>> {
  const { path, requestSerialize, responseDeserialize } = methodDefinition(method)
  const stream = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, { deadline: deadlineMs })
  // The method's own schemas make what goes in and comes out.
  return stream as unknown as ClientDuplexStream<MessageShape<Input>, MessageShape<Output>>
}

/** Sends one request for a stream of answers. @param deadlineMs - as for {@link openStream} */
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

/** Reads the messages of a stream until it ends. @throws {WireError} the peer ended it with an error */
export async function* messagesOf<Sent, Received>(
  stream: ClientReadableStream<Received> | ClientDuplexStream<Sent, Received>,
): AsyncGenerator<Received> {
  const messages: AsyncIterable<Received> = stream
  try {
    yield* messages
  } catch (error) {
    throw isServiceError(error) ? fromServiceError(error) : error
  }
}

/**
 * Sends messages as they come, then ends the stream: in order, or with the error that the iteration throws.
 *
 * @param translate - turns that error into one that may leave the process
 */
export async function sendAll<Received, Sent>(
  stream: ServerWritableStream<Received, Sent> | ServerDuplexStream<Received, Sent>,
  messages: AsyncIterable<Sent>,
  translate: (error: unknown) => Error,
): Promise<void> {
  try {
    for await (const message of messages) stream.write(message)
    stream.end()
  } catch (error) {
    stream.emit("error", toServiceError(translate(error)))
  }
}

/** A stream of a server, whatever its messages are. */
export type ServerStream = ServerWritableStream<Message, Message> | ServerDuplexStream<Message, Message>
