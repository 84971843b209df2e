import { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"
import type { Response } from "express"
import type { ProblemDocument } from "../problems/problem-document.ts"
import type { Answer } from "./answer.ts"
import { ownTurn } from "./own-turn.ts"
import { linesType } from "./route.ts"

/** Writes an answer. Resolves when the connection has taken it. */
export async function sendAnswer(response: Response, answer: Answer<unknown>, status: number): Promise<void> {
  switch (answer.kind) {
    case "nothing":
      response.status(204).end()
      return
    case "document":
      response
        .status(answer.status ?? status)
        .set(answer.headers)
        .json(answer.body)
      return
    case "leased":
      await ownTurn(response)
      await answer.give((body) => preparedDocument(response, body, status))
      return
    case "lines":
      await sendLines(response, answer.lines)
      return
  }
}

/** Makes a document ready, so that only handing its bytes to the connection is left. */
function preparedDocument(response: Response, body: unknown, status: number): () => void {
  const bytes = Buffer.from(JSON.stringify(body))
  return () => {
    response.status(status).type("application/json").set("Content-Length", String(bytes.length))
    response.end(bytes)
  }
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
): void {
  response.status(problem.status).set(headers).type("application/problem+json").send(JSON.stringify(problem))
}
