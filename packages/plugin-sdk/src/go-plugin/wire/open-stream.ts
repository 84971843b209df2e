import type { DescMessage, DescMethodBiDiStreaming, MessageShape } from "@bufbuild/protobuf"
import type { Client, ClientDuplexStream } from "@grpc/grpc-js"
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
