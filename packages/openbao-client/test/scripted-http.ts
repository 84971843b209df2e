import type { HttpClient, HttpRequest, HttpResponse } from "@apeiro-cmk/plugin-interface"

/** Answer of a scripted server: status and JSON body. */
export interface ScriptedAnswer {
  readonly status: number
  readonly body?: unknown
}

/**
 * An HTTP client that calls a function, for tests with a fake clock. The tests against a real server are in
 * packages/openbao.
 */
export class ScriptedHttp implements HttpClient {
  readonly requests: HttpRequest[] = []
  answer: (path: string, token: string | undefined, host?: string) => ScriptedAnswer | Promise<ScriptedAnswer>

  constructor(answer: ScriptedHttp["answer"]) {
    this.answer = answer
  }

  /** Counts the requests to a path. */
  count(path: string): number {
    return this.requests.filter(({ url }) => pathOf(url) === path).length
  }

  async request(request: HttpRequest): Promise<HttpResponse> {
    this.requests.push(request)
    const { hostname } = new URL(request.url)
    const { status, body } = await this.answer(pathOf(request.url), request.headers?.["x-vault-token"], hostname)
    return { status, headers: {}, body: Buffer.from(body === undefined ? "" : JSON.stringify(body)) }
  }

  async close(): Promise<void> {}
}

function pathOf(url: string): string {
  return new URL(url).pathname.replace("/v1/", "")
}
