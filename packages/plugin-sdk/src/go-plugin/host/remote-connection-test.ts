import { type CallOptions, type ConnectionStep, isPluginError } from "@apeiro-cmk/plugin-interface"
import { create } from "@bufbuild/protobuf"
import type { ServiceError } from "@grpc/grpc-js"
import { abortReason } from "../../deadline.ts"
import { pluginErrorOf } from "../errors/plugin-error-info.ts"
import { Keystores, TestRequestSchema } from "../generated/apeiro/cmk/keystore/v1/keystore_pb.js"
import { fromServiceError } from "../wire/wire-error.ts"
import type { PluginConnection } from "./plugin-connection.ts"
import { remoteAnswers } from "./remote-answers.ts"

/** How long the process may take to say what it saw after the caller has given up, in milliseconds. */
const graceMs = 1_500

/**
 * A connection test in another process. When the caller gives up, the test is told so and ends with its own failed step;
 * a process that does not answer any more is a failed step, too.
 */
export async function* remoteConnectionTest(
  connection: PluginConnection,
  handle: string,
  call: CallOptions,
): AsyncGenerator<ConnectionStep> {
  const { signal, tenantId, traceparent = "" } = call
  const stream = connection.openStream(Keystores.method.testConnection, call.deadlineMs + 2 * graceMs)
  let late: NodeJS.Timeout | undefined
  const giveUp = () => {
    stream.write(create(TestRequestSchema, { giveUp: abortReason(signal).code }))
    late = setTimeout(() => stream.cancel(), graceMs)
  }
  const giveUpAtOnce = signal.aborted ? abortReason(signal).code : ""
  stream.write(create(TestRequestSchema, { caller: { tenantId, traceparent }, handle, giveUp: giveUpAtOnce }))
  if (!signal.aborted) signal.addEventListener("abort", giveUp, { once: true })
  const startedMs = performance.now()
  try {
    for await (const answer of stream) yield remoteAnswers.connectionStep(jsonOf(answer))
  } catch (error) {
    yield failedStep(error, call, performance.now() - startedMs)
  } finally {
    clearTimeout(late)
    signal.removeEventListener("abort", giveUp)
    stream.cancel()
  }
}

function jsonOf(answer: unknown): string {
  return typeof answer === "object" && answer !== null && "json" in answer ? String(answer.json) : ""
}

function failedStep(error: unknown, { signal }: CallOptions, durationMs: number): ConnectionStep {
  const fault = signal.aborted
    ? abortReason(signal)
    : isPluginError(error)
      ? error
      : pluginErrorOf(fromServiceError(error as ServiceError))
  const { code, message, nextStep } = fault
  return { name: "plugin_process", outcome: "failed", durationMs, message, nextStep, code }
}
