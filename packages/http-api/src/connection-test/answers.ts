import { timeBudgets } from "@apeiro-cmk/host-call"
import type { ConnectionStep } from "@apeiro-cmk/plugin-interface"
import type * as z from "zod"
import { type Answer, document, lines } from "../pipeline/answer.ts"
import { connectionTestAnswer } from "./schemas.ts"
import { connectionStatusOf, stepAnswer } from "./steps.ts"

/** Longest time for a request that tests a connection, in milliseconds: the test ends earlier under any fault. */
export const connectionTestTimeoutMs = timeBudgets.connectionTestRequest.limitMs

/** Work of a connection test, which logs in and makes a dozen requests, in data keys that would take as long. */
export const connectionTestUnits = 20

/** The response of every route that tests a connection. */
export const connectionTestResponse = {
  status: 200,
  description: "The test has run; `status` says whether the connection works",
  schema: connectionTestAnswer,
  lines: 'Each step as it ends, then one line `{"status": ...}`',
} as const

/** Answers with the steps of a connection test: as they end where the caller asked for JSON lines, else all at once. */
export async function connectionTestAnswerOf(
  steps: AsyncIterable<ConnectionStep>,
  wantsLines: boolean,
): Promise<Answer<z.input<typeof connectionTestAnswer>>> {
  if (wantsLines) return lines(stepLines(steps))
  const seen: ConnectionStep[] = []
  for await (const step of steps) seen.push(step)
  return document({ status: connectionStatusOf(seen), steps: seen.map(stepAnswer) })
}

async function* stepLines(steps: AsyncIterable<ConnectionStep>): AsyncGenerator<string> {
  const seen: ConnectionStep[] = []
  for await (const step of steps) {
    seen.push(step)
    yield JSON.stringify(stepAnswer(step))
  }
  yield JSON.stringify({ status: connectionStatusOf(seen) })
}
