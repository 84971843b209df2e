import { AsyncLocalStorage } from "node:async_hooks"
import { Socket } from "node:net"
import type { HttpClientOptions, HttpProxy, HttpRequest, HttpResponse } from "@apeiro-cmk/plugin-interface"
import { Agent, buildConnector, type Dispatcher, request as send } from "undici"
import { type AddressRule, checkedLookup, requireAllowedHost, requireAllowedPeer } from "../egress/checked-lookup.ts"
import { type HostLookup, type LookupCaller, operator } from "../egress/names/host-lookup.ts"
import { pooledConnections } from "./connection-shares.ts"
import { createProxyAgent, proxyError } from "./http-proxy.ts"
import { bypassesProxy } from "./proxy-configuration.ts"

/** Below the idle time-out of common servers (Go: none, nginx: 75 s); a server that announces less is obeyed. */
const keepAliveMs = 30_000
/** A connection is replaced after this time, so that a changed DNS entry takes effect. */
const connectionAgeMs = 300_000

/** Requests over pooled connections. Only this module and the proxy's import undici, so that it loads with the first use. */
export interface HttpTransport {
  send(
    url: URL,
    request: HttpRequest,
  ): Promise<Pick<HttpResponse, "status" | "headers"> & { body: AsyncIterable<Uint8Array> }>
  /** Ends what is in flight with the given error; resolves when every socket is gone. */
  destroy(error: Error): Promise<void>
}

/** Options of a client, complete with what every transport needs. */
export type TransportOptions = HttpClientOptions & Required<Pick<HttpClientOptions, "connections" | "connectTimeoutMs">>

export function createHttpTransport(
  options: TransportOptions,
  isAllowed: AddressRule,
  lookup: HostLookup,
): HttpTransport {
  return new UndiciTransport(options, isAllowed, lookup)
}

interface ProxiedRoute {
  readonly proxy: HttpProxy
  readonly agent: Dispatcher
}

class UndiciTransport implements HttpTransport {
  readonly #isAllowed: AddressRule
  readonly #sockets = new Set<Socket>()
  readonly #direct: Dispatcher
  readonly #proxied: ProxiedRoute | undefined

  constructor(options: TransportOptions, isAllowed: AddressRule, lookup: HostLookup) {
    const pooling = {
      connections: pooledConnections(options.connections),
      keepAliveTimeout: keepAliveMs,
      clientTtl: connectionAgeMs,
      pipelining: 1,
      allowH2: false,
    } as const
    const { proxy } = options
    const track = (socket: Socket) => trackSocket(socket, this.#sockets)
    this.#isAllowed = isAllowed
    this.#direct = new Agent({ ...pooling, connect: checkedConnector(options, isAllowed, lookup, track) })
    if (proxy !== undefined) this.#proxied = { proxy, agent: createProxyAgent(proxy, options, pooling, lookup, track) }
  }

  async send(url: URL, request: HttpRequest) {
    const proxied = this.#proxied
    const goesDirect = proxied === undefined || bypassesProxy(url, proxied.proxy)
    const answer = goesDirect ? exchange(this.#direct, url, request) : this.#throughProxy(proxied.agent, url, request)
    const { statusCode, headers, body } = await answer
    return { status: statusCode, headers: joined(headers), body }
  }

  async destroy(error: Error): Promise<void> {
    // undici forgets a socket that is still connecting, so those end here.
    const ends = [...this.#sockets].map((socket) => new Promise((resolve) => socket.once("close", resolve)))
    await Promise.all([this.#direct.destroy(error), this.#proxied?.agent.destroy(error)])
    for (const socket of this.#sockets) socket.destroy()
    await Promise.all(ends)
  }

  async #throughProxy(agent: Dispatcher, url: URL, request: HttpRequest) {
    requireAllowedHost(url.hostname.replace(/^\[|\]$/g, ""), this.#isAllowed)
    try {
      return await exchange(agent, url, request)
    } catch (error) {
      throw proxyError(error)
    }
  }
}

/** undici does not tell a connector for which request it connects. */
const requests = new AsyncLocalStorage<HttpRequest>()

function requestInProgress(): LookupCaller {
  const request = requests.getStore()
  return request === undefined ? operator : { ...request.call, signal: request.signal }
}

function exchange(dispatcher: Dispatcher, url: URL, request: HttpRequest) {
  return requests.run(request, () =>
    send(url, {
      dispatcher,
      method: request.method,
      signal: request.signal,
      ...(request.headers === undefined ? {} : { headers: request.headers }),
      ...(request.body === undefined ? {} : { body: request.body }),
    }),
  )
}

function checkedConnector(
  { tls, connectTimeoutMs }: TransportOptions,
  isAllowed: AddressRule,
  lookup: HostLookup,
  track: (socket: Socket) => void,
): buildConnector.connector {
  const connect = buildConnector({
    allowH2: false,
    timeout: connectTimeoutMs,
    lookup: checkedLookup(isAllowed, lookup, requestInProgress),
    // Explicit: the environment (NODE_TLS_REJECT_UNAUTHORIZED) must not be able to switch the check off.
    rejectUnauthorized: true,
    ...(tls?.certificateAuthority === undefined ? {} : { ca: tls.certificateAuthority }),
    ...(tls?.certificate === undefined ? {} : { cert: tls.certificate }),
    ...(tls?.privateKey === undefined ? {} : { key: tls.privateKey }),
  })
  return (target, callback) => {
    const host = target.hostname.replace(/^\[|\]$/g, "")
    try {
      requireAllowedHost(host, isAllowed)
      const pending: unknown = connect({ ...target, hostname: host }, (error, socket) => {
        // On an error undici leaves the second argument out, though its types promise null.
        if (error !== null) return callback(error, null)
        try {
          requireAllowedPeer(socket, host, isAllowed)
        } catch (forbidden) {
          socket.destroy()
          return callback(asError(forbidden), null)
        }
        callback(null, socket)
      })
      // The types hide it: undici's connector returns the socket while it is still connecting.
      if (pending instanceof Socket) track(pending)
    } catch (error) {
      queueMicrotask(() => callback(asError(error), null))
    }
  }
}

function trackSocket(socket: Socket, sockets: Set<Socket>): void {
  sockets.add(socket)
  socket.once("close", () => sockets.delete(socket))
}

function asError(value: unknown): Error {
  return value instanceof Error ? value : new Error(String(value))
}

function joined(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  const result: Record<string, string> = Object.create(null)
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) result[name.toLowerCase()] = Array.isArray(value) ? value.join(", ") : value
  }
  return result
}
