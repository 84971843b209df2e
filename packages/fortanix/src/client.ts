import type { CallOptions } from "@apeiro-cmk/plugin-interface"
import * as z from "zod"
import { dsmError } from "./errors.ts"
import type { Session, SessionToken } from "./session/session.ts"
import type { DsmAnswer, DsmRequest, Wire } from "./wire.ts"

/** DSM as one app's credential sees it. Safe for parallel calls; every method rejects with a `PluginError` only. */
export interface DsmClient {
  /** How it logs in. */
  readonly loginMethod: string
  /**
   * Sends a request within the session. A 401 leads to one new session and one more try.
   * @returns an answer of status 2xx, or 400 to 499 without 401, 423 and 429
   */
  request(request: DsmRequest, call: CallOptions): Promise<DsmAnswer>
  /** Logs in now. @returns for how long the session may rest, in milliseconds */
  logIn(call: CallOptions): Promise<number>
  /** Asks without a session. */
  version(call: CallOptions): Promise<DsmVersion>
  /** Idempotent; calls in flight reject with CANCELLED. */
  close(): Promise<void>
}

/** What `GET /sys/v1/version` states. */
export interface DsmVersion {
  readonly version: string
  readonly serverMode: string | undefined
  /** FIPS 140 level; absent where DSM states none. */
  readonly fipsLevel: number | undefined
}

const versionShape = z.object({
  version: z.string().max(100),
  server_mode: z.string().max(100).nullish(),
  // A statement that is none is not repeated.
  fips_level: z.int().min(1).max(4).nullish().catch(undefined),
})

/** Puts a session behind the {@link DsmClient}. */
export function createDsmClient(wire: Wire, session: Session, loginMethod: string): DsmClient {
  const untilClosed = (call: CallOptions): CallOptions => ({
    ...call,
    signal: AbortSignal.any([call.signal, session.closing]),
  })

  async function sendOnce(request: DsmRequest, token: SessionToken, call: CallOptions): Promise<DsmAnswer | undefined> {
    const answer = await wire.send(request, token.authorization, call)
    if (answer.status !== 401) return answer
    session.drop(token)
    return undefined
  }

  return {
    loginMethod,
    async request(request, outer) {
      const call = untilClosed(outer)
      const answer =
        (await sendOnce(request, await session.token(call), call)) ??
        (await sendOnce(request, await session.token(call), call))
      if (answer === undefined) throw dsmError("sessionRejected")
      return answer
    },
    async logIn(call) {
      return (await session.logIn(untilClosed(call))).idleLifeMs
    },
    async version(call) {
      const answer = await wire.send({ method: "GET", path: "/sys/v1/version" }, undefined, untilClosed(call))
      const read = versionShape.safeParse(answer.json)
      if (!read.success) throw dsmError("notDsm", answer)
      const { version, server_mode: serverMode, fips_level: fipsLevel } = read.data
      return { version, serverMode: serverMode ?? undefined, fipsLevel: fipsLevel ?? undefined }
    },
    close: session.close,
  }
}
