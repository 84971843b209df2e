import type { CallOptions } from "@apeiro-cmk/plugin-interface"
import { abortable, abortReason, pluginError } from "@apeiro-cmk/plugin-sdk"
import type { KMSClient } from "@aws-sdk/client-kms"
import { isSessionGone, kmsError } from "./errors.ts"
import { type SdkHttpOptions, sdkHttpHandler } from "./sdk-http-handler.ts"
import { sdkSettings } from "./sdk-settings.ts"
import type { AwsSession } from "./session/session.ts"
import type { SessionCache } from "./session/session-cache.ts"

/** The module of the SDK, which loads with the first call. */
export type KmsSdk = typeof import("@aws-sdk/client-kms")

/** What {@link createKms} needs. */
export interface KmsOptions extends SdkHttpOptions {
  readonly endpoint: string
  readonly region: string
  readonly sessions: SessionCache
}

/** One keystore's way to KMS. */
export interface Kms {
  /**
   * Makes a request under the session in use. Once, and only when AWS says that this session is gone, under a new one.
   * @throws {PluginError} any code of a keystore failure
   */
  send<T>(call: CallOptions, work: KmsRequest<T>): Promise<T>
  /** Calls in flight reject with `CANCELLED`, later ones as well. */
  close(): void
}

/** One request by the SDK's client; `signal` ends it. */
export type KmsRequest<T> = (client: KMSClient, sdk: KmsSdk, signal: AbortSignal) => Promise<T>

/** Touches no network before the first request. */
export function createKms({ endpoint, region, sessions, ...sending }: KmsOptions): Kms {
  const closing = new AbortController()
  let made: { readonly session: AwsSession; readonly client: KMSClient } | undefined

  function clientFor(session: AwsSession, sdk: KmsSdk): KMSClient {
    if (made?.session === session) return made.client
    const { accessKeyId, secretAccessKey, sessionToken } = session
    const credentials = { accessKeyId, secretAccessKey, sessionToken }
    const requestHandler = sdkHttpHandler(sending)
    const client = new sdk.KMSClient({ ...sdkSettings, endpoint, region, credentials, requestHandler })
    made = { session, client }
    return client
  }

  async function send<T>(call: CallOptions, work: KmsRequest<T>): Promise<T> {
    if (call.signal.aborted) throw abortReason(call.signal)
    const sdk = await import("@aws-sdk/client-kms")
    const session = await sessions.get(call)
    try {
      return await work(clientFor(session, sdk), sdk, call.signal)
    } catch (error) {
      if (!isSessionGone(error)) throw kmsError(error)
      sessions.drop(session)
    }
    const renewed = await sessions.get(call)
    try {
      return await work(clientFor(renewed, sdk), sdk, call.signal)
    } catch (error) {
      if (isSessionGone(error)) sessions.drop(renewed)
      throw kmsError(error)
    }
  }

  return {
    async send(call, work) {
      if (closing.signal.aborted) throw abortReason(closing.signal)
      return abortable(abortable(send(call, work), closing.signal), call.signal)
    },
    close() {
      const next = "Open the keystore again."
      closing.abort(pluginError("CANCELLED", "The keystore has been closed.", next, { origin: "host" }))
    },
  }
}
