import type {
  Clock,
  HttpClient,
  HttpClientOptions,
  HttpRequest,
  HttpResponse,
  PluginError,
} from "@apeiro-cmk/plugin-interface"
import { abortable, abortReason } from "../calls/deadline.ts"
import type { AddressRule } from "../egress/checked-lookup.ts"
import { egressRules, requireAllowedUrl } from "../egress/egress-policy.ts"
import type { HostLookup } from "../egress/names/host-lookup.ts"
import { pluginError } from "../errors/error-facts.ts"
import { ConnectionShares } from "./connection-shares.ts"
import { httpError } from "./http-errors.ts"
import type { HttpTransport, TransportOptions } from "./http-transport.ts"

const defaultMaxResponseBytes = 1_048_576
const defaultConnections = 16
/** Below the default time of one request (5,000), so that a caller learns that it was the connection. */
const defaultConnectTimeoutMs = 4_000

/**
 * Makes an {@link HttpClient}. undici loads with the first request.
 *
 * @throws {PluginError} INVALID_REQUEST - a range in `egress.allowedAddresses` is malformed
 */
export function createHttpClient(options: HttpClientOptions, lookup: HostLookup, clock: Clock): HttpClient {
  const client = new PooledHttpClient(options, lookup, clock)
  return { request: (request) => client.request(request), close: () => client.close() }
}

class PooledHttpClient implements HttpClient {
  readonly #options: TransportOptions
  readonly #lookup: HostLookup
  readonly #isAllowedAddress: AddressRule
  readonly #shares: ConnectionShares
  readonly #closing = new AbortController()
  #transport: Promise<HttpTransport> | undefined
  #closed: Promise<void> | undefined

  constructor(settings: HttpClientOptions, lookup: HostLookup, clock: Clock) {
    const options = { connections: defaultConnections, connectTimeoutMs: defaultConnectTimeoutMs, ...settings }
    const { connections, connectTimeoutMs } = options
    this.#options = options
    this.#shares = new ConnectionShares({ connections, longestWaitMs: connectTimeoutMs / 2, clock })
    this.#lookup = lookup
    this.#isAllowedAddress = egressRules(options.egress)
  }

  async request(request: HttpRequest): Promise<HttpResponse> {
    const closing = this.#closing.signal
    if (request.signal.aborted) throw abortReason(request.signal)
    if (closing.aborted) throw abortReason(closing)
    const url = requireAllowedUrl(request.url, this.#options.egress)
    try {
      // undici hears a signal only once there is a connection, hence the race around it.
      return await abortable(abortable(this.#exchange(url, request), closing), request.signal)
    } catch (error) {
      if (request.signal.aborted) throw abortReason(request.signal)
      throw httpError(error)
    }
  }

  close(): Promise<void> {
    this.#closing.abort(clientClosed())
    this.#closed ??= this.#destroy()
    return this.#closed
  }

  async #destroy(): Promise<void> {
    // A transport that could not be made has failed its requests, and holds nothing.
    const transport = await this.#transport?.catch(() => undefined)
    await transport?.destroy(clientClosed())
  }

  /** Outlives a caller that gives up while its connection is being made: until then nobody else can have that one. */
  async #exchange(url: URL, request: HttpRequest): Promise<HttpResponse> {
    const release = await this.#shares.take(url.origin, request.call, request.signal)
    try {
      const transport = await this.#open()
      const answer = await transport.send(url, request)
      return { status: answer.status, headers: answer.headers, body: await bodyOf(answer.body, request) }
    } finally {
      release()
    }
  }

  #open(): Promise<HttpTransport> {
    this.#transport ??= import("./http-transport.ts").then(({ createHttpTransport }) =>
      createHttpTransport(this.#options, this.#isAllowedAddress, this.#lookup),
    )
    return this.#transport
  }
}

async function bodyOf(body: AsyncIterable<Uint8Array>, request: HttpRequest): Promise<Uint8Array> {
  const longest = request.maxResponseBytes ?? defaultMaxResponseBytes
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of body) {
    length += chunk.length
    // Leaving the loop destroys the body, and with it the connection: nobody reads the rest.
    if (length > longest) throw tooLong(longest)
    chunks.push(chunk)
  }
  return joined(chunks, length)
}

/** Outside Buffer's shared pool, so that a caller who fills a plaintext with zeros leaves no copy there. */
function joined(chunks: readonly Uint8Array[], length: number): Uint8Array {
  const body = Buffer.allocUnsafeSlow(length)
  let offset = 0
  for (const chunk of chunks) {
    body.set(chunk, offset)
    offset += chunk.length
  }
  return body
}

function tooLong(longest: number): PluginError {
  return pluginError(
    "BAD_RESPONSE",
    `The answer is longer than ${longest} bytes.`,
    "Check that the address is the API of the right kind of server.",
  )
}

function clientClosed(): PluginError {
  return pluginError("CANCELLED", "The HTTP client has been closed.", "Open the keystore again.", { origin: "host" })
}
