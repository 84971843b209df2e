import type { CallOptions, Clock, ConnectionStep } from "@apeiro-cmk/plugin-interface"
import { pluginError } from "@apeiro-cmk/plugin-sdk"
import { create } from "@bufbuild/protobuf"
import type { ServerDuplexStream } from "@grpc/grpc-js"
import { wireError } from "../errors/upstream-errors.ts"
import { type Answer, AnswerSchema } from "../generated/apeiro/cmk/common/v1/common_pb.js"
import { sendAll } from "../wire/stream.ts"
import { jsonAnswer, type OwnRequest, ownCallOptions } from "./own-call.ts"

/** A message of the caller of a connection test: the first starts it, a second one says that the caller gives up. */
interface TestMessage extends OwnRequest {
  readonly giveUp: string
}

/**
 * Makes the handler of a connection test. A caller that gives up still receives the steps that ended, and the failed one.
 *
 * @param run - runs the test that the first message asks for
 */
export function connectionTestHandler<Request extends TestMessage>(
  clock: Clock,
  run: (first: Request, options: CallOptions) => AsyncIterable<ConnectionStep>,
): (stream: ServerDuplexStream<Request, Answer>) => void {
  return (stream) => {
    const controller = new AbortController()
    const giveUp = (code: string) => controller.abort(gaveUp(code))
    const start = async (first: Request) => {
      const options = ownCallOptions(clock, first, { signal: controller.signal })
      await sendAll(
        stream,
        answers(() => run(first, options)),
        wireError,
      )
      options.dispose()
    }
    stream.once("data", (first: Request) => {
      stream.on("data", (next: Request) => giveUp(next.giveUp))
      if (first.giveUp !== "") giveUp(first.giveUp)
      void start(first)
    })
    stream.once("cancelled", () => giveUp("CANCELLED"))
  }
}

async function* answers(run: () => AsyncIterable<ConnectionStep>): AsyncGenerator<Answer> {
  for await (const step of run()) yield create(AnswerSchema, jsonAnswer(step))
}

function gaveUp(code: string) {
  const known = code === "TIMED_OUT" ? code : "CANCELLED"
  return pluginError(known, "The caller gave up.", "Test again when the answer is wanted.")
}
