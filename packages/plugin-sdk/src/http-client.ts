import type {
  HttpClient,
  HttpClientOptions,
  HttpRequest,
  HttpResponse,
  PluginError,
} from "@apeiro-cmk/plugin-interface"
import type { HostLookup } from "./checked-lookup.ts"
import { abortable, abortReason } from "./deadline.ts"
import { egressRules, requireAllowedUrl } from "./egress-policy.ts"
import { pluginError } from "./error-facts.ts"
import { httpError } from "./http-errors.ts"
import type { HttpTransport } from "./http-transport.ts"

const defaultMaxResponseBytes = 1_048_576

/**
 * Makes an {@link HttpClient}. undici loads with the first request.
 *
 * @throws {PluginError} INVALID_REQUEST - a range in `egress.allowedAddresses` is malformed
 */
export function createHttpClient(options: HttpClientOptions, lookup: HostLookup): HttpClient {
  const isAllowedAddress = egressRules(options.egress)
  const closing = new AbortController()
  let transport: Promise<HttpTransport> | undefined
  let closed: Promise<void> | undefined

  const open = () => {
    transport ??= import("./http-transport.ts").then(({ createHttpTransport }) =>
      createHttpTransport(options, isAllowedAddress, lookup),
    )
    return transport
  }

  return {
    async request(request) {
      if (request.signal.aborted) throw abortReason(request.signal)
      if (closing.signal.aborted) throw abortReason(closing.signal)
      const url = requireAllowedUrl(request.url, options.egress)
      try {
        // undici hears a signal only once a connection stands, hence the race around it.
        return await abortable(abortable(exchange(open, url, request), closing.signal), request.signal)
      } catch (error) {
        if (request.signal.aborted) throw abortReason(request.signal)
        throw httpError(error)
      }
    },
    close() {
      closing.abort(clientClosed())
      // A transport that could not be made has told its requests so, and holds nothing.
      closed ??= (async () => (await transport?.catch(() => undefined))?.destroy(clientClosed()))()
      return closed
    },
  }
}

async function exchange(open: () => Promise<HttpTransport>, url: URL, request: HttpRequest): Promise<HttpResponse> {
  const transport = await open()
  const answer = await transport.send(url, request)
  const longest = request.maxResponseBytes ?? defaultMaxResponseBytes
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of answer.body) {
    length += chunk.length
    // Leaving the loop destroys the body, and with it the connection: the rest is never read.
    if (length > longest) throw tooLong(longest)
    chunks.push(chunk)
  }
  return { status: answer.status, headers: answer.headers, body: joined(chunks, length) }
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
