import { readFile } from "node:fs/promises"
import { type ProblemDocument, problemDocument } from "@apeiro-cmk/http-api/schemas"
import { CodedError } from "@apeiro-cmk/plugin-interface"
import type * as z from "zod"
import type { HostAddresses } from "../host.ts"

/** A request that the host refused, as its problem states it. */
class RefusedRequest extends CodedError {
  constructor({ code, title, origin, retryable, next_step: nextStep }: ProblemDocument) {
    super(code, title, { origin, retryable, nextStep })
  }
}

/** Sends requests to the host's own API as its administrator. */
export class ApiClient {
  readonly #url: string
  readonly #authorization: string

  private constructor(url: string, authorization: string) {
    this.#url = url
    this.#authorization = authorization
  }

  /** Reads the administrator's token and makes a client. */
  static async open({ apiUrl, administratorHeaderPath }: HostAddresses): Promise<ApiClient> {
    const line = await readFile(administratorHeaderPath, "utf8")
    return new ApiClient(apiUrl, line.slice(line.indexOf(":") + 1).trim())
  }

  /** Reads a document. @throws {CodedError} the problem that the host answers with */
  get<T>(path: string, schema: z.ZodType<T>): Promise<T> {
    return this.#send("GET", path, schema)
  }

  /** Tells whether there is something at a path. @throws {CodedError} any problem but that it is not found */
  async has(path: string): Promise<boolean> {
    const response = await this.#fetch("GET", path)
    const answer: unknown = await response.json()
    if (!response.ok && response.status !== 404) throw new RefusedRequest(problemDocument.parse(answer))
    return response.ok
  }

  /** Sends a document. @throws {CodedError} the problem that the host answers with */
  post<T>(path: string, schema: z.ZodType<T>, body: unknown = {}): Promise<T> {
    return this.#send("POST", path, schema, JSON.stringify(body))
  }

  async #send<T>(method: string, path: string, schema: z.ZodType<T>, body?: string): Promise<T> {
    const response = await this.#fetch(method, path, body)
    const answer: unknown = await response.json()
    if (!response.ok) throw new RefusedRequest(problemDocument.parse(answer))
    return schema.parse(answer)
  }

  #fetch(method: string, path: string, body?: string): Promise<Response> {
    return fetch(new URL(path, this.#url), {
      method,
      headers: {
        authorization: this.#authorization,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body }),
    })
  }
}
