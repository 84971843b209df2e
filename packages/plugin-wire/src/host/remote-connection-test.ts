import { type CallOptions, type ConnectionStep, isPluginError, type PluginError } from "@apeiro-cmk/plugin-interface"
import { abortReason, toPluginError } from "@apeiro-cmk/plugin-sdk"
import type { ClientDuplexStream } from "@grpc/grpc-js"
import * as z from "zod"
import { pluginErrorOf } from "../errors/plugin-error-info.ts"
import type { Answer } from "../generated/apeiro/cmk/common/v1/common_pb.js"
import { messagesOf } from "../wire/stream.ts"
import { WireError } from "../wire/wire-error.ts"
import { readAnswer } from "./read-answer.ts"

/** How long the process may take to report what it saw after the caller has given up, in milliseconds. */
const graceMs = 1_500

const stepShape: z.ZodType<ConnectionStep> = z.object({
  name: z.string(),
  outcome: z.enum(["passed", "warned", "failed", "skipped"]),
  durationMs: z.number(),
  message: z.string(),
  nextStep: z.string().exactOptional(),
  code: z.string().exactOptional(),
  facts: z.record(z.string(), z.json()).exactOptional(),
})

/** The stream on which a connection test runs. */
export interface TestStream<Request> {
  open(deadlineMs: number): Promise<ClientDuplexStream<Request, Answer>>
  /** Makes a message of the caller. @param giveUp - why the caller gives up, CANCELLED or TIMED_OUT; empty: it does not */
  message(giveUp: string): Request
}

/**
 * Runs a connection test in another process. When the caller gives up, the process receives the reason and the test ends
 * with its own failed step; a process that no longer answers is a failed step, too.
 */
export async function* remoteConnectionTest<Request>(
  test: TestStream<Request>,
  call: CallOptions,
): AsyncGenerator<ConnectionStep> {
  const startedMs = performance.now()
  let stop: () => void = () => undefined
  try {
    const stream = await test.open(call.deadlineMs + 2 * graceMs)
    stop = start(test, stream, call.signal)
    for await (const { json } of messagesOf(stream)) yield readAnswer(stepShape, json)
  } catch (error) {
    yield failedStep(error, call, performance.now() - startedMs)
  } finally {
    stop()
  }
}

/** Starts the test and passes on that the caller gives up. @returns a function that ends the stream */
function start<Request>(
  test: TestStream<Request>,
  stream: ClientDuplexStream<Request, Answer>,
  signal: AbortSignal,
): () => void {
  let late: NodeJS.Timeout | undefined
  const giveUp = () => {
    stream.write(test.message(abortReason(signal).code))
    late = setTimeout(() => stream.cancel(), graceMs)
  }
  stream.write(test.message(signal.aborted ? abortReason(signal).code : ""))
  if (!signal.aborted) signal.addEventListener("abort", giveUp, { once: true })
  return () => {
    clearTimeout(late)
    signal.removeEventListener("abort", giveUp)
    stream.cancel()
  }
}

function failedStep(error: unknown, { signal }: CallOptions, durationMs: number): ConnectionStep {
  const { code, message, nextStep } = signal.aborted ? abortReason(signal) : faultOf(error)
  return { name: "plugin_process", outcome: "failed", durationMs, message, nextStep, code }
}

function faultOf(error: unknown): PluginError {
  if (isPluginError(error)) return error
  if (error instanceof WireError) return pluginErrorOf(error)
  return toPluginError(error, {
    message: "The connection test could not be followed.",
    nextStep: "Report this to the maintainers of the host.",
    origin: "host",
  })
}
