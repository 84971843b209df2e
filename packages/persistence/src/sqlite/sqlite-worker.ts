import { parentPort } from "node:worker_threads"
import type { RequestEnvelope, ResponseEnvelope, SqliteFailure } from "./protocol.ts"
import { SqliteFile } from "./sqlite-file.ts"

const port = parentPort
if (port === null) throw new Error("sqlite-worker runs only as a worker thread")

const file = new SqliteFile()

function respond({ id, request }: RequestEnvelope): ResponseEnvelope {
  try {
    return { id, result: file.answer(request) }
  } catch (error) {
    return { id, failure: failure(error) }
  }
}

function failure(error: unknown): SqliteFailure {
  if (!(error instanceof Error)) return { message: "unknown failure" }
  return {
    message: error.message,
    ...("code" in error && typeof error.code === "string" ? { code: error.code } : {}),
    ...("errcode" in error && typeof error.errcode === "number" ? { resultCode: error.errcode } : {}),
  }
}

port.on("message", (requests: readonly RequestEnvelope[]) => {
  port.postMessage(requests.map(respond))
  for (const { request } of requests) {
    if (request.kind === "stall") Atomics.wait(new Int32Array(request.flag), 0, 0, request.limitMs)
    if (request.kind === "close") port.close()
  }
})
