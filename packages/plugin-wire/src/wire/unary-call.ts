import {
  create,
  type DescMessage,
  type DescMethodUnary,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf"
import type { Client, ServiceError } from "@grpc/grpc-js"
import { methodDefinition } from "./method-definition.ts"
import { fromServiceError } from "./wire-error.ts"

/** Bounds of one call over the wire. */
export interface UnaryCallOptions {
  /** When it must have ended: milliseconds since the Unix epoch. Every call has one. */
  readonly deadlineMs: number
  readonly signal: AbortSignal
  /** Full name of the service on the wire; default: the descriptor's own. */
  readonly serviceName?: string
}

/**
 * Calls a unary method.
 *
 * @throws {WireError} the error that the peer answers; DEADLINE_EXCEEDED
 * @throws the reason of `signal` when that fires
 */
export async function unaryCall<Input extends DescMessage, Output extends DescMessage>(
  client: Client,
  method: DescMethodUnary<Input, Output>,
  request: MessageInitShape<Input>,
  { deadlineMs, signal, serviceName }: UnaryCallOptions,
): Promise<MessageShape<Output>> {
  signal.throwIfAborted()
  const { path, requestSerialize, responseDeserialize } = methodDefinition(method, serviceName)
  const { promise, resolve, reject } = Promise.withResolvers<MessageShape<Output>>()
  const answered = (error: ServiceError | null, answer?: unknown) => {
    // The method's own schema has just read the answer.
    if (error === null) resolve(answer as MessageShape<Output>)
    else reject(fromServiceError(error))
  }
  const options = { deadline: deadlineMs }
  const message = create(method.input, request)
  const call = client.makeUnaryRequest(path, requestSerialize, responseDeserialize, message, options, answered)
  const abort = () => {
    reject(signal.reason)
    call.cancel()
  }
  signal.addEventListener("abort", abort, { once: true })
  try {
    return await promise
  } finally {
    signal.removeEventListener("abort", abort)
  }
}
