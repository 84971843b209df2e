import { createServer, type Server, type ServerResponse } from "node:http"
import { type AnswerFault, retryAfterSeconds } from "./fault-modes.ts"

const answers: Readonly<Record<AnswerFault, (response: ServerResponse) => void>> = {
  wrongJson: (response) =>
    response.writeHead(200, { "content-type": "application/json" }).end('{"no":["such","answer"]}'),
  throttled: (response) => response.writeHead(429, { "retry-after": String(retryAfterSeconds) }).end(),
  serverError: (response) => response.writeHead(500).end(),
}

/** An HTTP server that listens nowhere: it answers on the connections that it is handed by the event `connection`. */
export function faultyAnswers(fault: AnswerFault): Server {
  return createServer((request, response) => {
    // The whole request is read first, so that no answer overtakes a body that is still on its way.
    request.resume().once("end", () => answers[fault](response))
  })
}
