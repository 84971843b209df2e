import type { CallOptions, Clock, HttpClient, HttpResponse } from "@apeiro-cmk/plugin-interface"
import { takeBase64Field, withDeadline } from "@apeiro-cmk/plugin-sdk"
import { statusError } from "./errors.ts"

/** One request to DSM. */
export interface DsmRequest {
  readonly method: "GET" | "POST" | "PATCH" | "DELETE"
  /** With its query, e.g. `/crypto/v1/keys?limit=10`. Made of parts that were escaped before. */
  readonly path: string
  /** JSON. The caller fills it with zeros afterwards where it carries a secret. */
  readonly body?: Uint8Array
  /** Name of a base64 field of the answer that is key material: see {@link DsmAnswer.secret}. */
  readonly secretField?: string
}

/** What DSM answered, success or not. */
export interface DsmAnswer {
  readonly status: number
  /** The parsed body of a success; `undefined` where it is empty, or no JSON. */
  readonly json: unknown
  /** DSM's own words for a refusal: plain text, to be matched, never to be shown unredacted. */
  readonly words: string
  /** The decoded bytes of the field that the request named as secret. The caller fills them with zeros. */
  readonly secret: Uint8Array | undefined
}

/** Where and how {@link createWire} sends. */
export interface WireOptions {
  /** URL of DSM, without a slash at its end. */
  readonly endpoint: string
  readonly http: HttpClient
  readonly clock: Clock
  /** Longest time for one request, in milliseconds; the call's own deadline may be nearer. */
  readonly requestTimeoutMs: number
}

/** Sends single requests; knows no session. */
export interface Wire {
  /**
   * @param authorization - value of that header, if any
   * @returns an answer of status 2xx, or 400 to 499 without 423 and 429
   * @throws {PluginError} SEALED, UNREACHABLE, TIMED_OUT, THROTTLED
   */
  send(request: DsmRequest, authorization: string | undefined, call: CallOptions): Promise<DsmAnswer>
}

const longestWords = 2_000

/** Makes the {@link Wire} to one server. */
export function createWire({ endpoint, http, clock, requestTimeoutMs }: WireOptions): Wire {
  return {
    async send({ method, path, body, secretField }, authorization, call) {
      const headers: Record<string, string> = { accept: "application/json" }
      if (authorization !== undefined) headers.authorization = authorization
      if (body !== undefined) headers["content-type"] = "application/json"
      const deadline = withDeadline(call.signal, requestTimeoutMs, clock)
      let response: HttpResponse
      try {
        const { signal } = deadline
        const url = `${endpoint}${path}`
        response = await http.request({ method, url, headers, signal, ...(body === undefined ? {} : { body }) })
      } finally {
        deadline.dispose()
      }
      const error = statusError(response.status, response.headers)
      if (error !== undefined) throw error
      return readAnswer(response, secretField)
    },
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
    // The shape check that follows says so. The parser's message would quote the body.
    return undefined
  }
}
