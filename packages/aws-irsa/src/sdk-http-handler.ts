import type { Caller, HttpClient, HttpResponse } from "@apeiro-cmk/plugin-interface"
import { withDeadline } from "@apeiro-cmk/plugin-sdk"

/** Parts of an SDK request (smithy `HttpRequest`) that the handler reads. */
interface SdkRequest {
  readonly method: string
  readonly protocol: string
  readonly hostname: string
  readonly port?: number
  readonly path: string
  readonly query?: Readonly<Record<string, string | readonly string[] | null>>
  readonly headers: Readonly<Record<string, string>>
  readonly body?: unknown
}

/** Parts of an answer that the SDK reads. */
interface SdkResponse {
  readonly response: {
    readonly statusCode: number
    readonly headers: Record<string, string>
    readonly body: Uint8Array
  }
}

/** Arguments of {@link sdkHttpHandler}. */
export interface SdkHttpOptions {
  readonly http: HttpClient
  /** Longest time for one request, in milliseconds. */
  readonly requestTimeoutMs: number
  /** Receives each answer, e.g. for its date. */
  readonly onAnswer: (answer: HttpResponse) => void
}

/**
 * Makes the SDK send through the host's HTTP client, so that the operator's egress policy, proxy and certificates
 * apply. It never retries.
 *
 * @param call - for whom all its requests are: the SDK passes on nothing but a signal
 */
export function sdkHttpHandler({ http, requestTimeoutMs, onAnswer }: SdkHttpOptions, call: Caller) {
  return {
    metadata: { handlerProtocol: "http/1.1" },
    async handle(
      request: SdkRequest,
      { abortSignal }: { abortSignal?: AbortSignal | undefined } = {},
    ): Promise<SdkResponse> {
      const { signal, dispose } = withDeadline(abortSignal, requestTimeoutMs)
      try {
        const answer = await http.request({
          method: request.method === "GET" ? "GET" : "POST",
          url: urlOf(request),
          // The HTTP client sets these headers.
          headers: without(request.headers, ["host", "content-length"]),
          ...(isBody(request.body) ? { body: request.body } : {}),
          signal,
          call,
        })
        onAnswer(answer)
        return { response: { statusCode: answer.status, headers: { ...answer.headers }, body: answer.body } }
      } finally {
        dispose()
      }
    },
    updateHttpClientConfig: () => undefined,
    httpHandlerConfigs: () => ({}),
    destroy: () => undefined,
  }
}

function urlOf({ protocol, hostname, port, path }: SdkRequest): string {
  return `${protocol}//${hostname}${port === undefined ? "" : `:${port}`}${path}`
}

function isBody(body: unknown): body is string | Uint8Array {
  return typeof body === "string" || body instanceof Uint8Array
}

function without(headers: Readonly<Record<string, string>>, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !names.includes(name.toLowerCase())))
}
