import {
  type Clock,
  type HttpClient,
  type HttpRequest,
  isPluginError,
  type Logger,
  type PluginError,
  type TlsOptions,
} from "@apeiro-cmk/plugin-interface"
import { abortable, callOptions } from "../deadline.ts"
import { pluginError } from "../error-facts.ts"
import type { BorrowedHttp } from "./http-pools.ts"
import type { TlsIdentity } from "./tls-identity.ts"

/** What {@link createRotatingHttp} needs. */
export interface RotatingHttpOptions {
  readonly read: (call: { readonly tenantId: string; readonly signal: AbortSignal }) => Promise<TlsIdentity>
  readonly borrow: (tls: TlsOptions) => BorrowedHttp
  readonly tenantId: string
  readonly clock: Clock
  readonly logger: Logger
}

/** An HTTP client whose certificates may be replaced while it serves. */
export interface RotatingHttp extends HttpClient {
  /** Reads the certificates anew. @returns SHA-256 of the client certificate that new connections show */
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
 * Makes a client that looks at the certificates again every 2 s of use, at each certificate login and when TLS fails.
 * Changed ones serve the requests from then on; those in flight end on the connections that they began on.
 */
export function createRotatingHttp({ read, borrow, tenantId, clock, logger }: RotatingHttpOptions): RotatingHttp {
  let current: Connections | undefined
  let lookedAtMs = 0
  let looking: Promise<Connections> | undefined
  let closed = false

  /** Looks once for all who wait. A file that is being replaced is no reason to stop: what was read before still works. */
  function look(): Promise<Connections> {
    looking ??= lookOnce().finally(() => {
      looking = undefined
    })
    return looking
  }

  async function lookOnce(): Promise<Connections> {
    const call = callOptions({ tenantId, timeoutMs: readTimeoutMs, clock })
    try {
      const identity = await read(call)
      lookedAtMs = clock.monotonicMs()
      if (current?.identity.digest === identity.digest) return current
      if (closed) throw pluginError("CANCELLED", "The keystore was closed.", "Open the keystore again to go on.")
      const before = current
      current = { identity, borrowed: borrow(identity.tls), users: 0, retired: false }
      if (before !== undefined) {
        logger.info("The TLS certificates were replaced")
        retire(before)
      }
      return current
    } catch (error) {
      if (current === undefined || closed) throw error
      lookedAtMs = clock.monotonicMs()
      logger.warn("The TLS certificates cannot be read: the ones before stay in use", {
        code: isPluginError(error) ? error.code : "INTERNAL",
      })
      return current
    } finally {
      call.dispose()
    }
  }

  async function connections(signal: AbortSignal): Promise<Connections> {
    const isFresh = current !== undefined && clock.monotonicMs() - lookedAtMs < lookAgainMs
    const found = isFresh && current !== undefined && !isExpired(current) ? current : await abortable(look(), signal)
    if (isExpired(found)) throw expired(found.identity)
    return found
  }

  function isExpired({ identity }: Connections): boolean {
    return identity.expiresAtMs !== undefined && identity.expiresAtMs <= clock.nowMs()
  }

  async function send(on: Connections, request: HttpRequest) {
    on.users += 1
    try {
      return await on.borrowed.http.request(request)
    } finally {
      on.users -= 1
      if (on.retired && on.users === 0) giveBack(on)
    }
  }

  function retire(before: Connections): void {
    before.retired = true
    if (before.users === 0) giveBack(before)
  }

  function giveBack({ borrowed }: Connections): void {
    borrowed.giveBack().catch(() => logger.warn("Connections could not be closed"))
  }

  return {
    async request(request) {
      const first = await connections(request.signal)
      try {
        return await send(first, request)
      } catch (error) {
        if (!isPluginError(error) || error.code !== "UNREACHABLE") throw error
        lookedAtMs = 0
        // A TLS failure comes before the request is read by anybody, so that it may be sent again.
        if (error.retryable || error.origin === "caller") throw error
        const second = await connections(request.signal)
        if (second === first) throw error
        return send(second, request)
      }
    },
    async fingerprint() {
      const { identity } = await look()
      return identity.fingerprint
    },
    async close() {
      if (closed) return
      closed = true
      await current?.borrowed.giveBack()
    },
  }
}

function expired({ expiresAtMs = 0 }: TlsIdentity): PluginError {
  return pluginError(
    "CREDENTIAL_REJECTED",
    `The client certificate expired at ${new Date(expiresAtMs).toISOString()}.`,
    "Put a new certificate and key in its place; files are read again by themselves.",
    { origin: "caller" },
  )
}
