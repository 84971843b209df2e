import type { CallOptions, CallPurpose } from "@apeiro-cmk/plugin-interface"
import { abortable, abortReason, pluginError } from "@apeiro-cmk/plugin-sdk"
import type { KMSClient } from "@aws-sdk/client-kms"
import { isSessionGone, kmsError } from "./errors.ts"
import { type SdkHttpOptions, sdkHttpHandler } from "./sdk-http-handler.ts"
import { sdkSettings } from "./sdk-settings.ts"
import type { AwsSession } from "./session/session.ts"
import type { SessionCache } from "./session/session-cache.ts"

/** The module of the SDK, loaded at the first call. */
export type KmsSdk = typeof import("@aws-sdk/client-kms")

/** Arguments of {@link createKms}. */
export interface KmsOptions extends SdkHttpOptions {
  readonly endpoint: string
  readonly region: string
  readonly sessions: SessionCache
}

/** Access to KMS for one keystore. */
export interface Kms {
  /**
   * Makes a request under the session in use. Repeats it once under a new session, only if AWS no longer accepts the
   * first one.
   * @throws {PluginError} any code of a keystore failure
   */
  send<T>(call: CallOptions, work: KmsRequest<T>): Promise<T>
  /** Rejects the calls in flight, and all later calls, with `CANCELLED`. Idempotent. */
  close(): void
}

/** One request with the SDK's client; `signal` aborts it. */
export type KmsRequest<T> = (client: KMSClient, sdk: KmsSdk, signal: AbortSignal) => Promise<T>

/** Makes the access to KMS; opens no connection before the first request. */
export function createKms(options: KmsOptions): Kms {
  return new SessionKms(options)
}

interface Made {
  readonly session: AwsSession
  readonly clients: Map<CallPurpose | undefined, KMSClient>
}

/** Keeps the SDK's clients, of which each serves one purpose of calls, for as long as their session is in use. */
class SessionKms implements Kms {
  readonly #options: KmsOptions
  readonly #closing = new AbortController()
  #made: Made | undefined

  constructor(options: KmsOptions) {
    this.#options = options
  }

  async send<T>(call: CallOptions, work: KmsRequest<T>): Promise<T> {
    if (this.#closing.signal.aborted) throw abortReason(this.#closing.signal)
    return abortable(abortable(this.#send(call, work), this.#closing.signal), call.signal)
  }

  close(): void {
    const next = "Open the keystore again."
    this.#closing.abort(pluginError("CANCELLED", "The keystore has been closed.", next, { origin: "host" }))
  }

  async #send<T>(call: CallOptions, work: KmsRequest<T>): Promise<T> {
    if (call.signal.aborted) throw abortReason(call.signal)
    const { sessions } = this.#options
    const sdk = await import("@aws-sdk/client-kms")
    const session = await sessions.get(call)
    try {
      return await work(this.#clientFor(session, sdk, call), sdk, call.signal)
    } catch (error) {
      if (!isSessionGone(error)) throw kmsError(error)
      sessions.drop(session)
    }
    const renewed = await sessions.get(call)
    try {
      return await work(this.#clientFor(renewed, sdk, call), sdk, call.signal)
    } catch (error) {
      if (isSessionGone(error)) sessions.drop(renewed)
      throw kmsError(error)
    }
  }

  #clientFor(session: AwsSession, sdk: KmsSdk, call: CallOptions): KMSClient {
    if (this.#made?.session !== session) this.#made = { session, clients: new Map() }
    const { clients } = this.#made
    const client = clients.get(call.purpose) ?? this.#makeClient(session, sdk, call)
    clients.set(call.purpose, client)
    return client
  }

  #makeClient(session: AwsSession, sdk: KmsSdk, call: CallOptions): KMSClient {
    const { endpoint, region, sessions: _, ...sending } = this.#options
    const { accessKeyId, secretAccessKey, sessionToken } = session
    const credentials = { accessKeyId, secretAccessKey, sessionToken }
    const requestHandler = sdkHttpHandler(sending, call)
    return new sdk.KMSClient({ ...sdkSettings, endpoint, region, credentials, requestHandler })
  }
}
