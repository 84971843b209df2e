import { Socket } from "node:net"
import type { HttpClientOptions, HttpProxy } from "@apeiro-cmk/plugin-interface"
import { buildConnector, Pool, ProxyAgent } from "undici"
import { uncheckedLookup } from "../egress/checked-lookup.ts"
import { type HostLookup, operator } from "../egress/names/host-lookup.ts"
import { pluginError, scrubbedCause } from "../errors/error-facts.ts"

/** How connections are pooled; the same with a proxy and without. */
export interface Pooling {
  readonly connections: number
  readonly keepAliveTimeout: number
  readonly clientTtl: number
  readonly pipelining: number
  readonly allowH2: false
}

/** Node's codes for a proxy that cannot be reached: nothing else is connected to here. */
const proxyIsAway = ["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH", "UND_ERR_CONNECT_TIMEOUT"]

/**
 * Makes the dispatcher that goes through a proxy: by CONNECT also for `http`, so that the proxy sees names and ports only.
 *
 * @param lookup - resolves the proxy's own name, which is the operator's
 * @param track - receives each socket to the proxy while it is still connecting
 */
export function createProxyAgent(
  { url }: HttpProxy,
  { tls, connectTimeoutMs }: Pick<HttpClientOptions, "tls" | "connectTimeoutMs">,
  pooling: Pooling,
  lookup: HostLookup,
  track: (socket: Socket) => void,
): ProxyAgent {
  const timeout = connectTimeoutMs === undefined ? {} : { timeout: connectTimeoutMs }
  // Explicit: the environment (NODE_TLS_REJECT_UNAUTHORIZED) must not be able to switch the check off.
  const strict = { ...timeout, allowH2: false, rejectUnauthorized: true }
  const toProxy = { ...strict, lookup: uncheckedLookup(lookup, () => operator) }
  return new ProxyAgent({
    ...pooling,
    uri: url,
    proxyTunnel: true,
    proxyTls: strict,
    requestTls: {
      ...strict,
      ...(tls?.certificateAuthority === undefined ? {} : { ca: tls.certificateAuthority }),
      ...(tls?.certificate === undefined ? {} : { cert: tls.certificate }),
      ...(tls?.privateKey === undefined ? {} : { key: tls.privateKey }),
    },
    clientFactory: (origin) => new Pool(origin, { connect: trackedConnector(toProxy, track), allowH2: false }),
  })
}

function trackedConnector(settings: buildConnector.BuildOptions, track: (socket: Socket) => void) {
  const connect = buildConnector(settings)
  const tracked: buildConnector.connector = (target, callback) => {
    // The types hide it: undici's connector returns the socket while it is still connecting.
    const pending: unknown = connect(target, callback)
    if (pending instanceof Socket) track(pending)
  }
  return tracked
}

/** Blames the proxy, which is the operator's, where it is the proxy that cannot be reached. */
export function proxyError(error: unknown): unknown {
  const code = typeof error === "object" && error !== null && "code" in error ? String(error.code) : ""
  if (!proxyIsAway.includes(code)) return error
  return pluginError(
    "UNREACHABLE",
    "The proxy cannot be reached.",
    "Have the operator check the proxy and the plugin's setting for it.",
    { origin: "host", cause: scrubbedCause({ code }, code) },
  )
}
