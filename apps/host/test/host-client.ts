import * as z from "zod"

const jsonObject = z.record(z.string(), z.unknown())

/** An answer of the host. */
export interface Answer {
  readonly status: number
  readonly headers: Headers
  /** The parsed JSON object; empty when the answer has no JSON. */
  readonly body: Record<string, unknown>
  readonly text: string
}

/** Parts of a request in addition to method and path. */
export interface RequestOptions {
  /** Sent as JSON. */
  readonly body?: unknown
  /** Sent as it is, without a content type. */
  readonly rawBody?: string | Uint8Array<ArrayBuffer>
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
}

/** Sends requests with one token. */
export interface HostClient {
  send(method: string, path: string, options?: RequestOptions): Promise<Answer>
  /** Sends, and fails the test unless the status is as expected. */
  expect(status: number, method: string, path: string, body?: unknown): Promise<Record<string, unknown>>
}

/** Makes a client; without a token it sends no `Authorization`. */
export function hostClient(url: string, token?: string): HostClient {
  const send: HostClient["send"] = async (method, path, options = {}) => {
    const response = await fetch(new URL(path, url), {
      method,
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(options.body === undefined ? {} : { "content-type": "application/json" }),
        ...options.headers,
      },
      ...(options.signal === undefined ? {} : { signal: options.signal }),
      ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
      ...(options.rawBody === undefined ? {} : { body: options.rawBody }),
    })
    const text = await response.text()
    const isJson = /^application\/(problem\+)?json$/.test(
      (response.headers.get("content-type") ?? "").split(";")[0] ?? "",
    )
    const parsed = isJson && text !== "" ? jsonObject.safeParse(JSON.parse(text)) : undefined
    return { status: response.status, headers: response.headers, body: parsed?.data ?? {}, text }
  }
  return {
    send,
    expect: async (status, method, path, body) => {
      const answer = await send(method, path, body === undefined ? {} : { body })
      if (answer.status !== status) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`)
      return answer.body
    },
  }
}
