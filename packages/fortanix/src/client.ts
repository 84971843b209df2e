import type { CallOptions } from "@apeiro-cmk/plugin-interface"
import * as z from "zod"
import { dsmError } from "./errors.ts"
import type { DsmAnswer, DsmRequest } from "./messages.ts"
import type { Session, SessionToken } from "./session/session.ts"
import type { Wire } from "./wire.ts"

/** Facts that `GET /sys/v1/version` reports. */
export interface DsmVersion {
  readonly version: string
  readonly serverMode: string | undefined
  /** FIPS 140 level; absent where DSM reports none. */
  readonly fipsLevel: number | undefined
}

const versionShape = z.object({
  version: z.string().max(100),
  server_mode: z.string().max(100).nullish(),
  // A value that is not a level is not repeated.
  fips_level: z.int().min(1).max(4).nullish().catch(undefined),
})

/** DSM as one app's credential sees it. Safe for parallel calls; every method rejects with a `PluginError` only. */
export class DsmClient {
  /** Authentication method of the app. */
  readonly loginMethod: string
  readonly #wire: Wire
  readonly #session: Session

  constructor(wire: Wire, session: Session, loginMethod: string) {
    this.#wire = wire
    this.#session = session
    this.loginMethod = loginMethod
  }

  /**
   * Sends a request within the session. A 401 leads to one new session and one more try.
   * @returns an answer with status 2xx, or 400 to 499 except 401, 423 and 429
   */
  async request(request: DsmRequest, outer: CallOptions): Promise<DsmAnswer> {
    const call = this.#untilClosed(outer)
    const answer = (await this.#sendOnce(request, call)) ?? (await this.#sendOnce(request, call))
    if (answer === undefined) throw dsmError("sessionRejected")
    return answer
  }

  /** Logs in now. @returns how long the session may be idle, in milliseconds */
  async logIn(call: CallOptions): Promise<number> {
    return (await this.#session.logIn(this.#untilClosed(call))).idleLifeMs
  }

  /** Reads DSM's version, without a session. */
  async version(call: CallOptions): Promise<DsmVersion> {
    const request = { method: "GET", path: "/sys/v1/version" } as const
    const answer = await this.#wire.send(request, undefined, this.#untilClosed(call))
    const read = versionShape.safeParse(answer.json)
    if (!read.success) throw dsmError("notDsm", answer)
    const { version, server_mode: serverMode, fips_level: fipsLevel } = read.data
    return { version, serverMode: serverMode ?? undefined, fipsLevel: fipsLevel ?? undefined }
  }

  /** Ends the session. Idempotent; calls in flight reject with CANCELLED. */
  close(): Promise<void> {
    return this.#session.close()
  }

  #untilClosed(call: CallOptions): CallOptions {
    return { ...call, signal: AbortSignal.any([call.signal, this.#session.closing]) }
  }

  /** @returns `undefined` where DSM does not accept the session any more */
  async #sendOnce(request: DsmRequest, call: CallOptions): Promise<DsmAnswer | undefined> {
    const token: SessionToken = await this.#session.token(call)
    const answer = await this.#wire.send(request, token.authorization, call)
    if (answer.status !== 401) return answer
    this.#session.drop(token)
    return undefined
  }
}
