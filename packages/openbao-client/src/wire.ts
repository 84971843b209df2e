import type { CallOptions, Clock, HttpClient, HttpRequest, HttpResponse } from "@apeiro-cmk/plugin-interface"
import { withDeadline } from "@apeiro-cmk/plugin-sdk"
import { type HealthAnswer, type OpenBaoAnswer, readAnswer, readHealth } from "./answer.ts"
import { namespaceLockedError, notOpenBao, sealedError, statusError, unavailableError } from "./errors.ts"

/** One request to OpenBao. */
export interface OpenBaoRequest {
  readonly method: "GET" | "POST" | "LIST" | "DELETE"
  /** Below `/v1/`, e.g. `transit/encrypt/my-key`. Made of parts that were checked before: nothing is escaped here. */
  readonly path: string
  /** JSON. The caller fills it with zeros afterwards where it carries a secret. */
  readonly body?: Uint8Array
  /** Name of a base64 field of the answer's `data` that is key material: see {@link OpenBaoAnswer.secret}. */
  readonly secretField?: string
  /** OpenBao refuses this request with HTTP 500 and words of its own: those are an answer then, and not UNREACHABLE. */
  readonly refusesWith500?: boolean
  /**
   * May be sent again to another node of a cluster when the first one fails in the middle, since it changes nothing, or
   * nothing that a second time would spoil. Default: true for GET and LIST.
   */
  readonly repeatable?: boolean
}

/** Where and how {@link createWire} sends. */
export interface WireOptions {
  /** URL of the server, without `/v1` and without a slash at its end. */
  readonly address: string
  readonly namespace?: string
  readonly http: HttpClient
  readonly clock: Clock
  /** Longest time for one request, in milliseconds; the call's own deadline may be nearer. */
  readonly requestTimeoutMs: number
}

/** Sends single requests and tells what holds for all of them; knows no token's life. */
export interface Wire {
  /** Where every request goes; `undefined` for the root namespace. */
  readonly namespace: string | undefined
  /**
   * @returns an answer of status 2xx, or 400 to 499 without 429; or 500 where the request says that it may be refused so
   * @throws {PluginError} SEALED, UNREACHABLE, TIMED_OUT, THROTTLED, BAD_RESPONSE
   */
  send(request: OpenBaoRequest, token: string | undefined, call: CallOptions): Promise<OpenBaoAnswer>
  /** Asks `sys/health`, which needs no token. @throws {PluginError} as `send`; never SEALED */
  health(call: CallOptions): Promise<HealthAnswer>
}

// Without these parameters a sealed or standby node answers with an error status, which a proxy may replace.
const healthPath = "sys/health?standbyok=true&perfstandbyok=true&sealedcode=200&uninitcode=200"

/** Makes the {@link Wire} to one server. */
export function createWire(options: WireOptions): Wire {
  const { address, namespace, http, clock, requestTimeoutMs } = options

  async function exchange(request: Omit<HttpRequest, "signal">, call: CallOptions): Promise<HttpResponse> {
    const deadline = withDeadline(call.signal, requestTimeoutMs, clock)
    try {
      return await http.request({ ...request, signal: deadline.signal })
    } finally {
      deadline.dispose()
    }
  }

  async function health(call: CallOptions): Promise<HealthAnswer> {
    const response = await exchange({ method: "GET", url: `${address}/v1/${healthPath}` }, call)
    const error = statusError(response.status, response.headers)
    if (error !== undefined) throw error
    const answer = readHealth(response.body)
    if (answer === undefined) throw notOpenBao(response.status)
    return answer
  }

  /** A 503 by itself says little: a proxy's look the same. */
  async function settleUnavailable(answer: OpenBaoAnswer | undefined, call: CallOptions): Promise<never> {
    if (answer?.errors?.some((text) => text.includes("locked by an administrator"))) throw namespaceLockedError()
    let state: HealthAnswer
    try {
      state = await health(call)
    } catch (error) {
      throw call.signal.aborted ? error : unavailableError()
    }
    throw state.sealed || !state.initialized ? sealedError() : unavailableError()
  }

  async function send(request: OpenBaoRequest, token: string | undefined, call: CallOptions): Promise<OpenBaoAnswer> {
    const { method, path, body, secretField, refusesWith500 = false } = request
    const headers: Record<string, string> = { "x-vault-request": "true" }
    if (token !== undefined) headers["x-vault-token"] = token
    if (namespace !== undefined) headers["x-vault-namespace"] = namespace
    if (body !== undefined) headers["content-type"] = "application/json"
    const url = `${address}/v1/${path}`
    const response = await exchange({ method, url, headers, ...(body === undefined ? {} : { body }) }, call)

    const answer = readAnswer(response.status, response.body, { secretField, token })
    if (refusesWith500 && response.status === 500 && answer?.errors !== undefined) return answer
    const error = statusError(response.status, response.headers)
    if (error !== undefined) throw error
    if (response.status === 503) return settleUnavailable(answer, call)
    if (answer === undefined) throw notOpenBao(response.status)
    return answer
  }

  return { namespace, send, health }
}
