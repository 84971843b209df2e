import type { CallOptions, Clock, HttpClient, HttpResponse } from "@apeiro-cmk/plugin-interface"
import { takeBase64Field, withDeadline } from "@apeiro-cmk/plugin-sdk"
import { statusError } from "./errors.ts"
import type { DsmAnswer, DsmRequest } from "./messages.ts"

/** Options of a {@link Wire}. */
export interface WireOptions {
  /** URL of DSM, without a trailing slash. */
  readonly endpoint: string
  readonly http: HttpClient
  readonly clock: Clock
  /** Longest time for one request, in milliseconds; the call's own deadline may be earlier. */
  readonly requestTimeoutMs: number
}

const longestWords = 2_000

/** Sends single requests to one server, without a session. */
export class Wire {
  readonly #options: WireOptions

  constructor(options: WireOptions) {
    this.#options = options
  }

  /**
   * Sends one request.
   *
   * @param authorization - value of that header, if any
   * @returns an answer with status 2xx, or 400 to 499 except 423 and 429
   * @throws {PluginError} SEALED, UNREACHABLE, TIMED_OUT, THROTTLED
   */
  async send(
    { method, path, body, secretField }: DsmRequest,
    authorization: string | undefined,
    call: Pick<CallOptions, "signal" | "tenantId" | "purpose">,
  ): Promise<DsmAnswer> {
    const { endpoint, http, clock, requestTimeoutMs } = this.#options
    const headers: Record<string, string> = { accept: "application/json" }
    if (authorization !== undefined) headers.authorization = authorization
    if (body !== undefined) headers["content-type"] = "application/json"
    const deadline = withDeadline(call.signal, requestTimeoutMs, clock)
    let response: HttpResponse
    try {
      const { signal } = deadline
      const url = `${endpoint}${path}`
      response = await http.request({ method, url, headers, call, signal, ...(body === undefined ? {} : { body }) })
    } finally {
      deadline.dispose()
    }
    const error = statusError(response.status, response.headers)
    if (error !== undefined) throw error
    return readAnswer(response, secretField)
  }
}

function readAnswer({ status, body }: HttpResponse, secretField: string | undefined): DsmAnswer {
  if (status >= 400) return { status, json: undefined, words: textOf(body).slice(0, longestWords), secret: undefined }
  const secret = secretField === undefined ? undefined : takeBase64Field(body, secretField)
  return { status, json: parseJson(textOf(body)), words: "", secret }
}

function textOf(body: Uint8Array): string {
  return Buffer.from(body.buffer, body.byteOffset, body.length).toString("utf8")
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // The shape check that follows reports it. The parser's message would quote the body.
    return undefined
  }
}
