import type { CallOptions, HttpClient, PluginServices } from "@apeiro-cmk/plugin-interface"
import { pluginError } from "@apeiro-cmk/plugin-sdk"
import * as z from "zod"
import type { HealthAnswer, OpenBaoAnswer } from "./answer.ts"
import { createCluster } from "./cluster.ts"
import { isRedirect, tokenRejected, unexpectedAnswer } from "./errors.ts"
import { lookUpToken, type OpenBaoLogin, type Token, type TokenFacts } from "./login.ts"
import { Session } from "./session.ts"
import { createWire, type OpenBaoRequest, type Wire } from "./wire.ts"

/** Arguments of {@link createOpenBaoClient}: one server, one credential, one tenant. */
export interface OpenBaoClientOptions {
  /** URL of the server, without `/v1` and without a slash at its end, e.g. `https://openbao.example.com:8200`. */
  readonly address: string
  /**
   * URLs of the other nodes of the same cluster, in the same form. Without them `address` is a single node or a load
   * balancer.
   */
  readonly clusterAddresses?: readonly string[]
  /** OpenBao namespace. Default: the root namespace. */
  readonly namespace?: string
  readonly login: OpenBaoLogin
  readonly tenantId: string
  /** May be shared by all clients of the same server and TLS identity. The client does not close it. */
  readonly http: HttpClient
  /** Longest time for one request, in milliseconds; the deadline of a call may be earlier. */
  readonly requestTimeoutMs: number
  readonly services: Pick<PluginServices, "audit" | "clock" | "logger" | "random">
}

/** State of the server as `sys/health` reports it without a token. */
export interface OpenBaoHealth {
  readonly initialized: boolean
  readonly sealed: boolean
  readonly standby: boolean
  readonly version: string
  /** Absent while sealed. */
  readonly clusterId?: string
}

/**
 * Talks to one OpenBao server or cluster with the credential of one tenant. Safe for parallel calls.
 *
 * Every method rejects with a `PluginError`: UNREACHABLE, TIMED_OUT, SEALED, THROTTLED, CREDENTIAL_REJECTED,
 * BAD_RESPONSE, CANCELLED, and INVALID_REQUEST for an unusable credential or an address that the egress policy forbids.
 */
export interface OpenBaoClient {
  /** The login method. With every method except `token` a login replaces a token that cannot be renewed. */
  readonly loginMethod: OpenBaoLogin["method"]
  /**
   * Sends a request with a token that OpenBao accepts. Returns a 403 only when the token has proven valid: it then
   * means a denial, or a path that does not exist. A token that turns out to be invalid is replaced once.
   *
   * @returns an answer with status 2xx, or 400 to 499 except 429 (500 only with `refusesWith500`), for the caller to
   * interpret
   */
  request(request: OpenBaoRequest, call: CallOptions): Promise<OpenBaoAnswer>
  /**
   * Logs in now. @returns the token's life in milliseconds, or `undefined` when it never ends or OpenBao does not state
   * it
   */
  logIn(call: CallOptions): Promise<number | undefined>
  /** Renews the token now. @throws {PluginError} DENIED - the policies do not allow it */
  renewToken(call: CallOptions): Promise<{ readonly lifeMs?: number } | "not renewable">
  /** Looks up the token; `"withheld"` when its policies do not allow it to look itself up. */
  lookUpToken(call: CallOptions): Promise<TokenFacts | "withheld">
  /** Lists the capabilities of the token at each path; `"withheld"` when its policies do not allow it to ask. */
  capabilities(
    paths: readonly string[],
    call: CallOptions,
  ): Promise<ReadonlyMap<string, readonly string[]> | "withheld">
  /** Asks for the state of the server. A sealed server is an answer here, never the error SEALED. */
  health(call: CallOptions): Promise<OpenBaoHealth>
  /**
   * Asks a standby whether it passes requests on to the active node (`disable_standby_reads`), or answers them itself. The
   * active node answers them itself.
   */
  passesRequestsOn(call: CallOptions): Promise<boolean>
  /** Revokes the token if it came from a login. Idempotent; calls in flight reject with CANCELLED. */
  close(): Promise<void>
}

const capabilitiesShape = z.record(z.string(), z.array(z.string()))

/** Makes a client; opens no connection. */
export function createOpenBaoClient(options: OpenBaoClientOptions): OpenBaoClient {
  return new SessionClient(options)
}

/** Sends every request under the token of one session. */
class SessionClient implements OpenBaoClient {
  readonly loginMethod: OpenBaoLogin["method"]
  readonly #wire: Wire
  readonly #session: Session

  constructor(options: OpenBaoClientOptions) {
    const { address, clusterAddresses = [], namespace, login, tenantId, http, requestTimeoutMs, services } = options
    const { clock } = services
    const place = namespace === undefined ? {} : { namespace }
    const nodes = [...new Set([address, ...clusterAddresses])].map((each) =>
      createWire({ address: each, http, clock, requestTimeoutMs, ...place }),
    )
    this.loginMethod = login.method
    this.#wire = createCluster({ nodes, clock, requestTimeoutMs })
    this.#session = new Session({ wire: this.#wire, login, tenantId, requestTimeoutMs, services })
  }

  async request(request: OpenBaoRequest, outer: CallOptions): Promise<OpenBaoAnswer> {
    const call = this.#untilClosed(outer)
    const first = await this.#session.token(call)
    const answer = await this.#sendOnce(request, first, call)
    if (answer !== "bad token") return answer
    this.#session.drop(first)
    const second = await this.#session.token(call)
    const secondAnswer = await this.#sendOnce(request, second, call)
    if (secondAnswer !== "bad token") return secondAnswer
    this.#session.drop(second)
    throw tokenRejected()
  }

  async logIn(call: CallOptions): Promise<number | undefined> {
    return (await this.#session.logIn(this.#untilClosed(call))).lifeMs
  }

  async renewToken(call: CallOptions): Promise<{ readonly lifeMs?: number } | "not renewable"> {
    const token = await this.#session.renew(this.#untilClosed(call))
    if (token === "not renewable") return token
    return token.lifeMs === undefined ? {} : { lifeMs: token.lifeMs }
  }

  async lookUpToken(outer: CallOptions): Promise<TokenFacts | "withheld"> {
    const call = this.#untilClosed(outer)
    const token = await this.#session.token(call)
    const found = await lookUpToken(token.value, this.#wire, call)
    if (found === "withheld") return found
    if (found !== "unknown") return found.facts
    this.#session.drop(token)
    throw tokenRejected()
  }

  async capabilities(
    paths: readonly string[],
    call: CallOptions,
  ): Promise<ReadonlyMap<string, readonly string[]> | "withheld"> {
    const body = Buffer.from(JSON.stringify({ paths }))
    const answer = await this.request({ method: "POST", path: "sys/capabilities-self", body, repeatable: true }, call)
    if (answer.status === 403) return "withheld"
    const granted = capabilitiesShape.safeParse(answer.data)
    if (answer.status !== 200 || !granted.success) throw unexpectedAnswer(answer)
    return new Map(Object.entries(granted.data))
  }

  async health(call: CallOptions): Promise<OpenBaoHealth> {
    return healthOf(await this.#wire.health(this.#untilClosed(call)))
  }

  async passesRequestsOn(call: CallOptions): Promise<boolean> {
    const request = { method: "GET", path: "auth/token/lookup-self", staysOnNode: true } as const
    return isRedirect((await this.request(request, call)).status)
  }

  async close(): Promise<void> {
    await this.#session.close()
  }

  #untilClosed(call: CallOptions): CallOptions {
    return { ...call, signal: AbortSignal.any([call.signal, this.#session.closing]) }
  }

  async #sendOnce(request: OpenBaoRequest, token: Token, call: CallOptions): Promise<OpenBaoAnswer | "bad token"> {
    const answer = await this.#wire.send(request, token.value, call)
    if (answer.status !== 403) return answer
    return (await lookUpToken(token.value, this.#wire, call)) === "unknown" ? "bad token" : answer
  }
}

function healthOf(answer: HealthAnswer): OpenBaoHealth {
  const { initialized, sealed, standby, version, cluster_id: clusterId } = answer
  if (clusterId !== undefined && !/^[A-Za-z0-9-]+$/.test(clusterId)) {
    throw pluginError(
      "BAD_RESPONSE",
      "OpenBao states a malformed cluster id.",
      "Check which server answers at vault_address.",
    )
  }
  return {
    initialized,
    sealed,
    standby,
    version,
    ...(clusterId === undefined ? {} : { clusterId: clusterId.toLowerCase() }),
  }
}
