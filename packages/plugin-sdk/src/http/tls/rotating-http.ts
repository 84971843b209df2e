import {
  type Clock,
  type HttpClient,
  type HttpRequest,
  type HttpResponse,
  isPluginError,
  type Logger,
  type PluginError,
  type TlsOptions,
} from "@apeiro-cmk/plugin-interface"
import { abortable, withDeadline } from "../../calls/deadline.ts"
import { singleFlight } from "../../calls/single-flight.ts"
import { pluginError } from "../../errors/error-facts.ts"
import type { BorrowedHttp } from "./http-pools.ts"
import type { TlsIdentity } from "./tls-identity.ts"

/** Options of {@link createRotatingHttp}. */
export interface RotatingHttpOptions {
  /** Reads the certificates as they are now. */
  readonly read: (call: { readonly tenantId: string; readonly signal: AbortSignal }) => Promise<TlsIdentity>
  /** Takes a share in the connections of a TLS identity. */
  readonly borrow: (tls: TlsOptions) => BorrowedHttp
  readonly tenantId: string
  readonly clock: Clock
  readonly logger: Logger
}

/** An HTTP client whose certificates may be replaced while it serves. */
export interface RotatingHttp extends HttpClient {
  /** Reads the certificates again. @returns SHA-256 of the client certificate that new connections show */
  fingerprint(): Promise<string>
}

interface Connections {
  readonly identity: TlsIdentity
  readonly borrowed: BorrowedHttp
  users: number
  retired: boolean
}

const lookAgainMs = 2_000
const readTimeoutMs = 5_000

/**
 * Makes a client that reads the certificates again after 2 s of use, at each certificate login and when TLS fails.
 * Changed ones serve the requests from then on; requests in flight end on the connections that they began on.
 */
export function createRotatingHttp(options: RotatingHttpOptions): RotatingHttp {
  return new RotatingHttpClient(options)
}

class RotatingHttpClient implements RotatingHttp {
  readonly #options: RotatingHttpOptions
  /** Reads the certificates once for all callers that wait. */
  readonly #look = singleFlight(() => this.#lookOnce())
  #current: Connections | undefined
  #lookedAtMs = 0
  #closed = false

  constructor(options: RotatingHttpOptions) {
    this.#options = options
  }

  async request(request: HttpRequest): Promise<HttpResponse> {
    const first = await this.#connections(request.signal)
    try {
      return await this.#send(first, request)
    } catch (error) {
      if (!isPluginError(error) || error.code !== "UNREACHABLE") throw error
      this.#lookedAtMs = 0
      // A TLS failure comes before anybody reads the request, so it may be sent again.
      if (error.retryable || error.origin === "caller") throw error
      const second = await this.#connections(request.signal)
      if (second === first) throw error
      return this.#send(second, request)
    }
  }

  async fingerprint(): Promise<string> {
    const { identity } = await this.#look(undefined)
    return identity.fingerprint
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#current?.borrowed.giveBack()
  }

  async #connections(signal: AbortSignal): Promise<Connections> {
    const found = this.#fresh() ?? (await abortable(this.#look(undefined), signal))
    if (this.#isExpired(found)) throw expired(found.identity)
    return found
  }

  #fresh(): Connections | undefined {
    const { clock } = this.#options
    if (this.#current === undefined || this.#isExpired(this.#current)) return undefined
    return clock.monotonicMs() - this.#lookedAtMs < lookAgainMs ? this.#current : undefined
  }

  /** A file that is being replaced is no reason to stop: the certificates that were read before still work. */
  async #lookOnce(): Promise<Connections> {
    const { read, tenantId, clock, logger } = this.#options
    const deadline = withDeadline(undefined, readTimeoutMs, clock)
    try {
      const identity = await read({ tenantId, signal: deadline.signal })
      this.#lookedAtMs = clock.monotonicMs()
      return this.#use(identity)
    } catch (error) {
      if (this.#current === undefined || this.#closed) throw error
      this.#lookedAtMs = clock.monotonicMs()
      logger.warn("The TLS certificates cannot be read: the ones before stay in use", {
        code: isPluginError(error) ? error.code : "INTERNAL",
      })
      return this.#current
    } finally {
      deadline.dispose()
    }
  }

  #use(identity: TlsIdentity): Connections {
    const before = this.#current
    if (before?.identity.digest === identity.digest) return before
    if (this.#closed) throw pluginError("CANCELLED", "The keystore was closed.", "Open the keystore again to go on.")
    const next = { identity, borrowed: this.#options.borrow(identity.tls), users: 0, retired: false }
    this.#current = next
    if (before !== undefined) {
      this.#options.logger.info("The TLS certificates were replaced")
      this.#retire(before)
    }
    return next
  }

  async #send(on: Connections, request: HttpRequest): Promise<HttpResponse> {
    on.users += 1
    try {
      return await on.borrowed.http.request(request)
    } finally {
      on.users -= 1
      if (on.retired && on.users === 0) this.#release(on)
    }
  }

  #retire(before: Connections): void {
    before.retired = true
    if (before.users === 0) this.#release(before)
  }

  #release({ borrowed }: Connections): void {
    borrowed.giveBack().catch(() => this.#options.logger.warn("Connections could not be closed"))
  }

  #isExpired({ identity }: Connections): boolean {
    return identity.expiresAtMs !== undefined && identity.expiresAtMs <= this.#options.clock.nowMs()
  }
}

function expired({ expiresAtMs = 0 }: TlsIdentity): PluginError {
  return pluginError(
    "CREDENTIAL_REJECTED",
    `The client certificate expired at ${new Date(expiresAtMs).toISOString()}.`,
    "Replace the certificate and its key; the plugin reads the files again on its own.",
    { origin: "caller" },
  )
}
