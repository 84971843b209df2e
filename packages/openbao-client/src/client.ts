import type { CallOptions, HttpClient, PluginServices } from "@apeiro-cmk/plugin-interface"
import { pluginError } from "@apeiro-cmk/plugin-sdk"
import * as z from "zod"
import type { HealthAnswer, OpenBaoAnswer } from "./answer.ts"
import { createCluster } from "./cluster.ts"
import { tokenRejected, unexpectedAnswer } from "./errors.ts"
import { lookUpToken, type OpenBaoLogin, type Token, type TokenFacts } from "./login.ts"
import { createSession } from "./session.ts"
import { createWire, type OpenBaoRequest } from "./wire.ts"

/** One server, one credential, one tenant. */
export interface OpenBaoClientOptions {
  /** URL of the server, without `/v1` and without a slash at its end, e.g. `https://openbao.example.com:8200`. */
  readonly address: string
  /** URLs of the other nodes of the same cluster, of the same form. None: `address` is a single node or a load balancer. */
  readonly clusterAddresses?: readonly string[]
  /** OpenBao namespace; none means the root namespace. */
  readonly namespace?: string
  readonly login: OpenBaoLogin
  readonly tenantId: string
  /** Shared by whoever has server and TLS identity in common; whoever made it closes it. */
  readonly http: HttpClient
  /** Longest time for one request, in milliseconds; a call's own deadline may be nearer. */
  readonly requestTimeoutMs: number
  readonly services: Pick<PluginServices, "audit" | "clock" | "logger" | "random">
}

/** State of the server as `sys/health` gives it without a token. */
export interface OpenBaoHealth {
  readonly initialized: boolean
  readonly sealed: boolean
  readonly standby: boolean
  readonly version: string
  /** Absent while sealed. */
  readonly clusterId?: string
}

/**
 * An OpenBao server as one tenant's credential sees it. Safe for parallel calls.
 *
 * Every method rejects with a `PluginError`: UNREACHABLE, TIMED_OUT, SEALED, THROTTLED, CREDENTIAL_REJECTED,
 * BAD_RESPONSE, CANCELLED, and INVALID_REQUEST for an unusable credential or an address that the egress policy forbids.
 */
export interface OpenBaoClient {
  /** How it logs in. With any method but `token` a login replaces a token that cannot be renewed. */
  readonly loginMethod: OpenBaoLogin["method"]
  /**
   * Sends a request with a token that OpenBao accepts. A 403 is returned only when the token has been proven good: it
   * then means a denial, or a path that does not exist. A token that turns out to be bad is replaced once.
   *
   * @returns an answer of status 2xx, or 400 to 499 without 429 (500 only by `refusesWith500`): what it means is for the
   * caller to say
   */
  request(request: OpenBaoRequest, call: CallOptions): Promise<OpenBaoAnswer>
  /** Logs in now. @returns the token's life in milliseconds, or `undefined` when it never ends or is not told */
  logIn(call: CallOptions): Promise<number | undefined>
  /** Renews the token now. @throws {PluginError} DENIED - the policies do not allow it */
  renewToken(call: CallOptions): Promise<{ readonly lifeMs?: number } | "not renewable">
  /** Facts about the token; `"withheld"` when its policies do not let it ask. */
  lookUpToken(call: CallOptions): Promise<TokenFacts | "withheld">
  /** What the token may do at each path; `"withheld"` when its policies do not let it ask. */
  capabilities(
    paths: readonly string[],
    call: CallOptions,
  ): Promise<ReadonlyMap<string, readonly string[]> | "withheld">
  /** Never SEALED: that is an answer here. */
  health(call: CallOptions): Promise<OpenBaoHealth>
  /** Idempotent; calls in flight reject with CANCELLED. */
  close(): Promise<void>
}

const capabilitiesShape = z.record(z.string(), z.array(z.string()))

/** Makes a client; touches no network. */
export function createOpenBaoClient(options: OpenBaoClientOptions): OpenBaoClient {
  const { address, clusterAddresses = [], namespace, login, tenantId, http, requestTimeoutMs, services } = options
  const { clock } = services
  const place = namespace === undefined ? {} : { namespace }
  const nodes = [...new Set([address, ...clusterAddresses])].map((each) =>
    createWire({ address: each, http, clock, requestTimeoutMs, ...place }),
  )
  const wire = createCluster({ nodes, clock, requestTimeoutMs })
  const session = createSession({ wire, login, tenantId, requestTimeoutMs, services })

  function untilClosed(call: CallOptions): CallOptions {
    return { ...call, signal: AbortSignal.any([call.signal, session.closing]) }
  }

  async function sendOnce(
    request: OpenBaoRequest,
    token: Token,
    call: CallOptions,
  ): Promise<OpenBaoAnswer | "bad token"> {
    const answer = await wire.send(request, token.value, call)
    if (answer.status !== 403) return answer
    return (await lookUpToken(token.value, wire, call)) === "unknown" ? "bad token" : answer
  }

  async function request(request: OpenBaoRequest, outer: CallOptions): Promise<OpenBaoAnswer> {
    const call = untilClosed(outer)
    const first = await session.token(call)
    const answer = await sendOnce(request, first, call)
    if (answer !== "bad token") return answer
    session.drop(first)
    const second = await session.token(call)
    const again = await sendOnce(request, second, call)
    if (again !== "bad token") return again
    session.drop(second)
    throw tokenRejected()
  }

  async function capabilities(paths: readonly string[], call: CallOptions) {
    const body = Buffer.from(JSON.stringify({ paths }))
    const answer = await request({ method: "POST", path: "sys/capabilities-self", body, repeatable: true }, call)
    if (answer.status === 403) return "withheld"
    const granted = capabilitiesShape.safeParse(answer.data)
    if (answer.status !== 200 || !granted.success) throw unexpectedAnswer(answer)
    return new Map(Object.entries(granted.data))
  }

  async function lookUp(outer: CallOptions): Promise<TokenFacts | "withheld"> {
    const call = untilClosed(outer)
    const token = await session.token(call)
    const found = await lookUpToken(token.value, wire, call)
    if (found === "withheld") return found
    if (found !== "unknown") return found.facts
    session.drop(token)
    throw tokenRejected()
  }

  return {
    loginMethod: login.method,
    request,
    capabilities,
    lookUpToken: lookUp,
    async logIn(call) {
      return (await session.logIn(untilClosed(call))).lifeMs
    },
    async renewToken(call) {
      const token = await session.renew(untilClosed(call))
      if (token === "not renewable") return token
      return token.lifeMs === undefined ? {} : { lifeMs: token.lifeMs }
    },
    async health(call) {
      return healthOf(await wire.health(untilClosed(call)))
    },
    close: session.close,
  }
}

function healthOf(answer: HealthAnswer): OpenBaoHealth {
  const { initialized, sealed, standby, version, cluster_id: clusterId } = answer
  if (clusterId !== undefined && !/^[A-Za-z0-9-]+$/.test(clusterId)) {
    throw pluginError(
      "BAD_RESPONSE",
      "OpenBao states a cluster id that is none.",
      "Check what answers at vault_address.",
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
