import { randomBytes } from "node:crypto"
import { once } from "node:events"
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"

/** Fate of requests with the right key: `revoked` no longer knows the key, `denied` refuses everything. */
export type Access = "allowed" | "denied" | "revoked"

/** Answer to one request. */
export interface JsonAnswer {
  readonly status: number
  readonly body: unknown
}

/** A server on 127.0.0.1 that takes JSON from callers with its bearer token and answers with JSON. */
export class JsonServer {
  readonly host = "127.0.0.1"
  /** Bearer token that a caller must present. */
  readonly apiKey = `reference-${randomBytes(24).toString("base64url")}`
  access: Access = "allowed"
  port = 0
  readonly #answer: (body: unknown) => JsonAnswer
  #server: Server | undefined

  constructor(answer: (body: unknown) => JsonAnswer) {
    this.#answer = answer
  }

  /** Listens, after {@link close} on the same port again. */
  async start(): Promise<void> {
    const server = createServer((request, response) => {
      this.#respond(request, response).catch(() => response.destroy())
    })
    server.listen(this.port, this.host)
    await once(server, "listening")
    const address = server.address()
    if (address === null || typeof address === "string") throw new Error("the port of the server is unknown")
    this.port = address.port
    this.#server = server
  }

  /** Refuses connections until {@link start}. Idempotent. */
  async close(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    if (server === undefined) return
    const closed = once(server, "close")
    server.close()
    server.closeAllConnections()
    await closed
  }

  async #respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(Buffer.from(chunk))
    const { status, body } = this.#answerTo(request.headers.authorization, Buffer.concat(chunks).toString("utf8"))
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body))
  }

  #answerTo(authorization: string | undefined, text: string): JsonAnswer {
    const isKnown = authorization === `Bearer ${this.apiKey}` && this.access !== "revoked"
    if (!isKnown) return { status: 401, body: { error: "unauthorized" } }
    if (this.access === "denied") return { status: 403, body: { error: "denied" } }
    return this.#answer(JSON.parse(text))
  }
}
