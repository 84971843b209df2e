import type { CallOptions } from "./call.ts"
import type { JsonValue } from "./json.ts"
import type { PluginAuditAction, PluginKind } from "./kinds/table.ts"

/** Fields of a log line; never a secret. */
export type LogFields = Readonly<Record<string, JsonValue>>

/** Structured log of the plugin: fields, not formatted text. */
export interface Logger {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
}

/** Counts and measures; names and units follow OpenTelemetry. Attributes have few values and no secret. */
export interface Meter {
  count(name: string, value: number, attributes?: Readonly<Record<string, string>>): void
  /** Records a duration, in milliseconds. */
  durationMs(name: string, value: number, attributes?: Readonly<Record<string, string>>): void
}

/** Wraps work in a span. */
export interface Tracer {
  span<T>(name: string, attributes: Readonly<Record<string, string>>, work: () => Promise<T>): Promise<T>
}

/** Time, so that tests can hold it. */
export interface Clock {
  /** Wall clock, milliseconds since the Unix epoch. It may jump. */
  nowMs(): number
  /** Monotonic clock, milliseconds since an arbitrary moment. It never goes back. */
  monotonicMs(): number
  /**
   * Calls back once after `delayMs` milliseconds.
   * @returns a function that cancels the call; calling it twice is harmless
   */
  after(delayMs: number, callback: () => void): () => void
}

/** Cryptographically secure random bytes, so that tests can repeat them. */
export interface RandomSource {
  bytes(length: number): Uint8Array
}

/**
 * A secret of a keystore configuration, as the plugin gets it: not the value but the right to read it.
 *
 * A plugin reads it when it needs it and keeps no copy longer than the login lasts.
 */
export interface SecretHandle {
  /** Changes whenever the secret does. */
  readonly version: string
  /** @returns the secret's bytes; the caller fills them with zeros after use */
  read(signal: AbortSignal): Promise<Uint8Array>
}

/** Client side of TLS: PEM texts. */
export interface TlsOptions {
  /** Certificates to trust *instead of* the system's, PEM. */
  readonly certificateAuthority?: string
  /** Client certificate chain, leaf first, PEM. */
  readonly certificate?: string
  /** Private key of the client certificate, PEM. */
  readonly privateKey?: string
}

/** Where a plugin's connections may go. The operator decides; tenants' addresses are checked against it. */
export interface EgressPolicy {
  /**
   * Allowed origins: `https://host:port`, with `*` for any single host label on the left (`https://*.example.com`) or
   * for any host (`https://*`, `https://*:8200`), and `:*` for any port. Without a port `https://*` means any port, every
   * other entry the scheme's default. `http://` needs a whole host name. A tenant's URL must match one.
   */
  readonly allowedEndpoints: readonly string[]
  /**
   * Address ranges in CIDR notation that are allowed although they are private, loopback or link-local. The address is
   * checked when the connection is made, after name resolution.
   */
  readonly allowedAddresses: readonly string[]
}

/** The operator's proxy, by which connections leave the network (HTTP CONNECT, RFC 9110 §9.3.6). */
export interface HttpProxy {
  /** `http://host:port` or `https://host:port`, without user or path. */
  readonly url: string
  /**
   * Hosts that are reached without it: `host`, `host:port`, or `*.example.com` for every name below. For these the
   * addresses are checked as without a proxy.
   */
  readonly noProxy: readonly string[]
}

/** How an {@link HttpClient} is made: one per endpoint and TLS identity, shared by whoever has both in common. */
export interface HttpClientOptions {
  readonly egress: EgressPolicy
  readonly tls?: TlsOptions
  /**
   * Default: none. Through a proxy it is the proxy that resolves names: `egress.allowedAddresses` is held only against
   * hosts that are written as addresses, so `egress.allowedEndpoints` must name the hosts.
   */
  readonly proxy?: HttpProxy
  /**
   * Most connections per origin for the use of keys. Default 16. Logins and connection tests have a quarter of that each
   * (at least 2) on top. A tenant gets at most half of the connections that the others leave.
   */
  readonly connections?: number
  /** Longest time for connecting, in milliseconds. Default 4,000. */
  readonly connectTimeoutMs?: number
}

/** For whom something is done, and whether for the use of a key. */
export type Caller = Pick<CallOptions, "tenantId" | "purpose">

/** One HTTP request. */
export interface HttpRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE" | "LIST" | "HEAD"
  /** Absolute URL; it must pass the client's egress policy. Never carries a secret. */
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array | string
  readonly signal: AbortSignal
  /** The call that the request serves: it takes its connection and its name look-up from the share of that tenant. */
  readonly call: Caller
  /** Longest body to read, in bytes. Default 1 MiB; a longer one rejects with `BAD_RESPONSE`. */
  readonly maxResponseBytes?: number
}

/** The whole answer to one {@link HttpRequest}. Redirects are answers: they are never followed. */
export interface HttpResponse {
  readonly status: number
  /** Header names in lower case; a repeated header is joined by `, `. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

/** Pooled HTTP client with keep-alive. Retries nothing, follows nothing, logs nothing. */
export interface HttpClient {
  /**
   * @throws {PluginError} INVALID_REQUEST - the URL is outside the egress policy
   * @throws {PluginError} UNREACHABLE - refused, reset, DNS, TLS, or an address that the policy forbids
   * @throws {PluginError} TIMED_OUT, CANCELLED - the reason of `request.signal`, or the connect time-out
   * @throws {PluginError} BAD_RESPONSE - no HTTP, or a body over the limit
   * @throws {PluginError} THROTTLED - of origin `host`: the tenant's share of connections or look-ups stayed in use
   */
  request(request: HttpRequest): Promise<HttpResponse>
  /** Closes its idle connections and ends what is in flight. Idempotent. */
  close(): Promise<void>
}

/** Where the content of a tenant's file goes. */
export interface FileDestination {
  /**
   * URLs of all servers to which the plugin may send the content; none for what it sends nowhere, as a certificate or a
   * private key that only signs.
   */
  readonly servers: readonly string[]
  /** The plugin's own endpoints. */
  readonly allowedEndpoints: EgressPolicy["allowedEndpoints"]
}

/** Reads files that a tenant's configuration names, from that tenant's folder below the operator's directory only. */
export interface TenantFiles {
  /**
   * Reads one file of a tenant, following the path rules for tenant input: any path, absolute or not, starts at
   * `credentialDirectory/<tenant>/`, and after resolving links must still lie there. Each server that gets the content
   * must be allowed by the operator's file `allowed-origins` nearest to it, in its folder or one above; without such a
   * file, by an entry of `allowedEndpoints` that names its whole host.
   *
   * @param path - as the tenant's administrator wrote it
   * @returns the bytes, at most 64 KiB
   * @throws {PluginError} INVALID_REQUEST - the path leaves the tenant's folder, is not a regular file or is too large, or
   * no such file (one message for all, so that a tenant cannot probe the host's files); or a server may not get it
   */
  read(path: string, call: Pick<CallOptions, "tenantId" | "signal">, destination: FileDestination): Promise<Uint8Array>
}

/** An event that a plugin reports for the audit stream, in addition to those that the host records itself. */
export interface PluginAuditEvent<Kind extends PluginKind = PluginKind> {
  readonly action: PluginAuditAction<Kind>
  readonly outcome: "success" | "failure"
  /** Code of the error, for a failure. */
  readonly code?: string
  /** The backend's own id of the request, for matching with its log. */
  readonly backendRequestId?: string
  /** Facts without secrets, e.g. the method of authentication. */
  readonly facts?: Readonly<Record<string, string>>
}

/** The audit stream of the tenant that a call is for. */
export interface AuditPort<Kind extends PluginKind = PluginKind> {
  /**
   * Resolves when the event is durable.
   * @throws {CodedError} AUDIT_UNAVAILABLE - it could not be recorded; what it tells of must not be used then
   */
  record(
    event: PluginAuditEvent<Kind>,
    call: Pick<CallOptions, "tenantId" | "requestId" | "keystoreId" | "traceparent">,
  ): Promise<void>
}

/** Raw TCP for protocols that are not HTTP, under the same egress policy. */
export interface TcpConnector {
  /** Connects once to tell whether somebody listens; the connection is closed before it resolves. */
  probe(host: string, port: number, egress: EgressPolicy, call: Caller & Pick<CallOptions, "signal">): Promise<void>
}

/** All that a plugin gets from its surroundings: no environment variables, no singletons. */
export interface PluginServices<Kind extends PluginKind = PluginKind> {
  readonly logger: Logger
  readonly meter: Meter
  readonly tracer: Tracer
  readonly clock: Clock
  readonly random: RandomSource
  readonly files: TenantFiles
  readonly audit: AuditPort<Kind>
  readonly tcp: TcpConnector
  /** Makes an HTTP client. The HTTP library loads with the first one. */
  createHttpClient(options: HttpClientOptions): HttpClient
}
