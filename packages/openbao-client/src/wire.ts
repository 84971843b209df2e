import type { CallOptions, Clock, HttpClient, HttpRequest, HttpResponse } from "@apeiro-cmk/plugin-interface"
import { withDeadline } from "@apeiro-cmk/plugin-sdk"
import {
  type HealthAnswer,
  type LeaderAnswer,
  type OpenBaoAnswer,
  readAnswer,
  readHealth,
  readLeader,
} from "./answer.ts"
import { isRedirect, namespaceLockedError, notOpenBao, sealedError, statusError, unavailableError } from "./errors.ts"

/** One request to OpenBao. */
export interface OpenBaoRequest {
  readonly method: "GET" | "POST" | "LIST" | "DELETE"
  /** Path below `/v1/`, e.g. `transit/encrypt/my-key`. Nothing is escaped here: build it from checked parts only. */
  readonly path: string
  /** JSON. If it carries a secret, the caller fills it with zeros afterwards. */
  readonly body?: Uint8Array
  /** Name of the base64 field in the answer's `data` that holds key material: see {@link OpenBaoAnswer.secret}. */
  readonly secretField?: string
  /** True when OpenBao may refuse this request with HTTP 500 and a reason: that is then an answer, not UNREACHABLE. */
  readonly refusesWith500?: boolean
  /** True when a standby that would pass the request on must redirect instead, which is then an answer. Default false. */
  readonly staysOnNode?: boolean
  /**
   * True when the request may be sent again to another node of a cluster after a node failed while it processed the
   * request: it changes nothing, or a repetition does no harm. Default: true for all methods except POST.
   */
  readonly repeatable?: boolean
}

/** Arguments of {@link createWire}. */
export interface WireOptions {
  /** URL of the server, without `/v1` and without a slash at its end. */
  readonly address: string
  readonly namespace?: string
  readonly http: HttpClient
  readonly clock: Clock
  /** Longest time for one request, in milliseconds; the deadline of a call may be earlier. */
  readonly requestTimeoutMs: number
}

/** Sends single requests, and translates the failures that any request can meet. Does not manage tokens. */
export interface Wire {
  /** Namespace of every request; `undefined` for the root namespace. */
  readonly namespace: string | undefined
  /**
   * Sends one request.
   * @returns an answer with status 2xx, or 400 to 499 except 429; or 500 if the request has `refusesWith500`, 300 to 399 if it has `staysOnNode`
   * @throws {PluginError} SEALED, UNREACHABLE, TIMED_OUT, THROTTLED, BAD_RESPONSE
   */
  send(request: OpenBaoRequest, token: string | undefined, call: CallOptions): Promise<OpenBaoAnswer>
  /** Asks `sys/health`, which needs no token. @throws {PluginError} as `send`, but never SEALED */
  health(call: CallOptions): Promise<HealthAnswer>
}

/** The {@link Wire} to one node. */
export interface NodeWire extends Wire {
  /** Asks `sys/leader`, which needs no token. @throws {PluginError} as `send` */
  leader(call: CallOptions): Promise<LeaderAnswer>
}

// Without these parameters a sealed or standby node answers with an error status, which a proxy may rewrite.
const healthPath = "sys/health?standbyok=true&perfstandbyok=true&sealedcode=200&uninitcode=200"

/** Makes the {@link NodeWire} to one server. */
export function createWire(options: WireOptions): NodeWire {
  const { address, namespace, http, clock, requestTimeoutMs } = options

  async function exchange(request: Omit<HttpRequest, "signal" | "call">, call: CallOptions): Promise<HttpResponse> {
    const deadline = withDeadline(call.signal, requestTimeoutMs, clock)
    try {
      return await http.request({ ...request, call, signal: deadline.signal })
    } finally {
      deadline.dispose()
    }
  }

  async function ask<Answer>(
    path: string,
    read: (body: Uint8Array) => Answer | undefined,
    call: CallOptions,
  ): Promise<Answer> {
    const response = await exchange({ method: "GET", url: `${address}/v1/${path}` }, call)
    const error = statusError(response.status, response.headers)
    if (error !== undefined) throw error
    const answer = read(response.body)
    if (answer === undefined) throw notOpenBao(response.status)
    return answer
  }

  const health = (call: CallOptions) => ask(healthPath, readHealth, call)
  const leader = (call: CallOptions) => ask("sys/leader", readLeader, call)

  /** A 503 alone says little: a proxy answers the same way. */
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
    const { method, path, body, secretField, refusesWith500 = false, staysOnNode = false } = request
    const headers = headersOf(request, token, namespace)
    const url = `${address}/v1/${path}`
    const response = await exchange({ method, url, headers, ...(body === undefined ? {} : { body }) }, call)

    if (staysOnNode && isRedirect(response.status)) return { status: response.status }
    const answer = readAnswer(response.status, response.body, { secretField, token })
    if (refusesWith500 && response.status === 500 && answer?.errors !== undefined) return answer
    const error = statusError(response.status, response.headers)
    if (error !== undefined) throw error
    if (response.status === 503) return settleUnavailable(answer, call)
    if (answer === undefined) throw notOpenBao(response.status)
    return answer
  }

  return { namespace, send, health, leader }
}

function headersOf(
  { body, staysOnNode = false }: OpenBaoRequest,
  token: string | undefined,
  namespace: string | undefined,
): Readonly<Record<string, string>> {
  return {
    "x-vault-request": "true",
    ...(staysOnNode ? { "x-vault-no-request-forwarding": "true" } : {}),
    ...(token === undefined ? {} : { "x-vault-token": token }),
    ...(namespace === undefined ? {} : { "x-vault-namespace": namespace }),
    ...(body === undefined ? {} : { "content-type": "application/json" }),
  }
}
