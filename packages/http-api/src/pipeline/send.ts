import { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"
import type { Response } from "express"
import type { ProblemDocument } from "../problems/problem-document.ts"
import type { Answer } from "./answer.ts"
import type { AnswerOutput } from "./answer-output.ts"
import { ownTurn } from "./own-turn.ts"
import { linesType } from "./route.ts"
import { leavesTooMuchUnread } from "./unread-body.ts"

/**
 * Writes an answer; lines to their end.
 * @param owner - whose answers wait for their readers together
 * @throws {HttpApiError} TOO_MANY_REQUESTS - too much waits already; nothing is written then
 */
export async function sendAnswer(
  response: Response,
  answer: Answer<unknown>,
  status: number,
  { output, owner }: { readonly output: AnswerOutput; readonly owner: string },
): Promise<void> {
  switch (answer.kind) {
    case "document":
      response
        .status(answer.status ?? status)
        .set(answer.headers)
        .type("application/json")
      output.send(response, owner, JSON.stringify(answer.body))
      return
    case "leased":
      await ownTurn(response)
      await answer.give((body) => {
        // Everything but handing over the bytes comes before the last look at the lease. A problem may still take its place.
        const bytes = Buffer.from(JSON.stringify(body))
        response.status(status).type("application/json")
        return () => output.sendAtOnce(response, owner, bytes)
      })
      return
    case "nothing":
      closeIfUnread(response)
      response.status(204).end()
      return
    case "lines": {
      closeIfUnread(response)
      const endWatch = output.watch(response)
      await sendLines(response, answer.lines).finally(endWatch)
      return
    }
  }
}

function closeIfUnread(response: Response): void {
  if (leavesTooMuchUnread(response.req)) response.set("Connection", "close")
}

async function sendLines(response: Response, lines: AsyncIterable<string>): Promise<void> {
  const iterator = lines[Symbol.asyncIterator]()
  // The first line comes before anything is sent, so that an early failure is still a problem with its own status.
  const first = await iterator.next()
  response.status(200).type(linesType)
  response.flushHeaders()
  // A failure ends the connection without the last chunk: a reader never takes half an answer for a whole one.
  try {
    await pipeline(Readable.from(terminated(first, iterator)), response)
  } catch (error) {
    if (!isDisconnect(error)) throw error
  } finally {
    // A caller that has gone by now: nothing was read from the source, which has things to release all the same.
    await iterator.return?.()
  }
}

/** Tells whether the caller has gone: nobody is left to answer, and the source has ended. */
function isDisconnect(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ERR_STREAM_PREMATURE_CLOSE"
}

async function* terminated(first: IteratorResult<string>, rest: AsyncIterator<string>): AsyncGenerator<string> {
  for (let next = first; next.done !== true; next = await rest.next()) yield `${next.value}\n`
}

/** Writes a problem. */
export function sendProblem(
  response: Response,
  problem: ProblemDocument,
  headers: Readonly<Record<string, string>>,
  output: AnswerOutput,
): void {
  response.status(problem.status).set(headers).type("application/problem+json")
  output.sendProblem(response, JSON.stringify(problem))
}
